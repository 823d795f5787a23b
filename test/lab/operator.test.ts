/** An operator who knows DPVS, in front of an appliance with two bare arms: everything is typed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run, until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import {
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'

const folder = scratchFolder()
const bare = labConfig(folder, 'bare', config => {
  config.delete('services')
  for (const arm of [0, 1])
    for (const key of ['addresses', 'local_addresses', 'routes'])
      config.deleteIn(['arms', arm, key])
  config.setIn(['workers', 'count'], 2)
  // Whose end is waited for.
  config.setIn(['tcp', 'timeouts'], { time_wait: 3 })
})
const lab = labForTests('operator', { config: bare })

const type = async (line: string) => mustTapvs(lab, ...line.split(' '))

async function fails(line: string, said: RegExp, input = ''): Promise<void> {
  const argv = [TAPVS, '--socket', lab.paths.socket, ...line.split(' ')]
  const { code, stdout, stderr } = await run(argv, { input })
  assert.equal(`${code} ${stdout}`, '1 ', line)
  assert.match(stderr, said)
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
}

async function restore(saved: string): Promise<void> {
  const argv = [TAPVS, '--socket', lab.paths.socket, 'ipvsadm', '-R']
  const { code, stderr } = await run(argv, { input: saved })
  assert.equal(`${code} ${stderr}`, '0 ')
}

const SERVICES = [
  'IP Virtual Server version 0.0.0 (size=0)',
  'Prot LocalAddress:Port Scheduler Flags',
  '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
]

test('the set-up of the seed, as it is typed for DPVS', async () => {
  for (const line of [
    'dpip addr add 202.108.10.1/32 dev ext0',
    'dpip route add 202.108.10.0/24 dev ext0',
    'dpip addr add 192.168.168.3/32 dev int0',
    'dpip route add 192.168.168.0/24 dev int0',
    'ipvsadm -A -t 202.108.10.1:6379 -s wrr',
    'ipvsadm -a -t 202.108.10.1:6379 -r 192.168.168.2:6379 -b -w 100',
    'ipvsadm --add-laddr -z 192.168.168.7 -t 202.108.10.1:6379 -F int0',
  ])
    assert.equal(await type(line), '', line)
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'ping']), 'PONG\n')

  const [, rows] = (await type('ipvsadm -ln')).split('InActConn\n')
  assert.equal(
    rows,
    'TCP  202.108.10.1:6379 wrr\n  -> 192.168.168.2:6379           FullNat 100    0          1         \n',
  )
  assert.deepEqual((await type('ipvsadm -G')).split('\n').slice(1, 3), [
    '202.108.10.1:6379    1        ',
    '                              192.168.168.7        0          1         ',
  ])
  const workers = (await type('dpip addr show -v dev int0')).match(/^\[\d\d\].*|sa_used \d/gm)
  assert.deepEqual(workers?.slice(0, 3), [
    '[00] inet 192.168.168.3/32 scope global int0',
    '[01] inet 192.168.168.7/32 scope global int0',
    workers?.[2],
  ])
  assert.equal(workers?.filter(word => word === 'sa_used 1').length, 1, 'one worker has it')
  assert.deepEqual((await type('dpip route show dev int0')).split('\n'), [
    'inet 192.168.168.3/32 via 0.0.0.0 src 0.0.0.0 dev int0 mtu 1500 tos 0 scope host metric 0 proto auto ',
    'inet 192.168.168.7/32 via 0.0.0.0 src 0.0.0.0 dev int0 mtu 1500 tos 0 scope host metric 0 proto auto ',
    'inet 192.168.168.0/24 via 0.0.0.0 src 0.0.0.0 dev int0 mtu 1500 tos 0 scope link metric 0 proto auto ',
    '',
  ])
})

test('one connection by its pair, and those of a worker', async t => {
  // It lives as long as it is asked for; those before it may end meanwhile.
  const child = lab.spawn('client', ['redis-cli', '-h', VIP, 'blpop', 'nothing', '0'])
  t.after(() => child.kill())
  const rows = async (words = '') =>
    (await type(`ipvsadm -lnc${words}`)).match(/^.* TCP_EST .*$/gm) ?? []
  const [row = ''] = await until('it', { limitMs: 5000 }, async () => {
    const all = await rows()
    return all.length > 0 ? all : undefined
  })
  const [worker, client] = /^\[(\d)\]tcp \S+ +\S+ +(\S+)/.exec(row)?.slice(1) ?? []
  assert.ok(worker && client, row)
  const isIt = (one: string) => one.includes(` ${client} `) && one.startsWith(`[${worker}]`)
  const asked = [` --sockpair tcp:${client}:${VIP}:6379`, ` --cpu ${worker}`]
  for (const words of asked) assert.deepEqual((await rows(words)).map(isIt), [true], words)
  assert.deepEqual(await rows(` --cpu ${3 - Number(worker)}`), [])
  await fails(
    `ipvsadm -lnc --sockpair tcp:${client}:${VIP}:80`,
    /: connection specified not found$/m,
  )
})

test('statistics begin at 0 again, of one service', async () => {
  await type('ipvsadm -A -t 202.108.10.1:http -p 60 -M 255.255.255.0')
  await type('ipvsadm -P -z 192.168.168.8 -t 202.108.10.1:http -F int0')
  await type('ipvsadm -a -t 202.108.10.1:http -r 192.168.168.2:redis -w 7 -x 100 -y 50')
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, '-p', '80', 'ping']), 'PONG\n')
  const conns = async () => (await type('ipvsadm -ln --stats')).match(/^TCP {2}\S+ +\d+/gm)
  const both = [
    'TCP  202.108.10.1:80                     1',
    'TCP  202.108.10.1:6379                   2',
  ]
  assert.deepEqual(await conns(), both)
  await type('ipvsadm -Z -t 202.108.10.1:80')
  assert.deepEqual(await conns(), [both[0]?.replace(/1$/, '0'), both[1]])
  await type('ipvsadm --zero')
  assert.deepEqual(
    await conns(),
    both.map(row => row.replace(/\d$/, '0')),
  )
  await fails('ipvsadm -Z -t 202.108.10.1:81', /: No such service: TCP 202\.108\.10\.1:81$/m)
})

test('save, clear, restore', async () => {
  const saved = await type('ipvsadm -S')
  assert.equal(
    saved,
    [
      '-A -t 202.108.10.1:80 -s wlc -p 60 -M 255.255.255.0',
      '-P -z 192.168.168.8 -t 202.108.10.1:80 -F int0',
      '-a -t 202.108.10.1:80 -r 192.168.168.2:6379 -b -w 7 -x 100 -y 50',
      '-A -t 202.108.10.1:6379 -s wrr',
      '-P -z 192.168.168.7 -t 202.108.10.1:6379 -F int0',
      '-a -t 202.108.10.1:6379 -r 192.168.168.2:6379 -b -w 100',
      '',
    ].join('\n'),
  )
  await type('ipvsadm -C')
  assert.deepEqual((await type('ipvsadm -ln')).split('\n'), [...SERVICES, ''])
  await fails(
    'ipvsadm -R',
    /: line 7: Service already exists: TCP 202.*; nothing was changed$/m,
    `${saved}-A -t 202.108.10.1:80`,
  )
  assert.equal(await type('ipvsadm -S'), '')
  await restore(saved)
  assert.equal(await type('ipvsadm -S'), saved)
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, '-p', '80', 'ping']), 'PONG\n')
})

test('a restore of many services is one step', async () => {
  const saved = await type('ipvsadm -S')
  const many = Array.from({ length: 1000 }, (_, i) => {
    const service = `-t 202.108.10.1:${10_000 + i}`
    return `-A ${service} -s rr\n-P -z 192.168.168.7 ${service} -F int0\n-a ${service} -r ${RIP}:6379 -w 1\n`
  }).join('')
  await restore(many)
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, '-p', '10999', 'ping']), 'PONG\n')
  await type('ipvsadm -C')
  await restore(saved)
})

test('the same in words of dpip: what is there, what is not, and what cannot be', async () => {
  await type('dpip neigh add 192.168.168.77 lladdr 02:00:00:00:00:07 dev int0')
  assert.match(await type('dpip neigh show 192.168.168.77'), /mac: 02:00:00:00:00:07 .* static\n/)
  await fails('dpip addr add 202.108.10.1 dev ext0', /: address 202\.108\.10\.1 exists already$/m)
  await fails('dpip addr del 202.108.10.9 dev ext0', /: no address 202\.108\.10\.9\/32 on ext0$/m)
  await fails('dpip route add 10.0.0.0/8 dev ext9', /ext9/)
  await fails(
    'dpip route add default via 10.9.9.9 dev int0',
    /: expected a gateway on-link of int0/,
  )
  await type('dpip route add 10.0.0.0/8 via 192.168.168.2 dev int0')
  await type('dpip route del 10.0.0.0/8 dev int0')
  assert.match(
    await type('dpip link show int0 -i 1 -c 1'),
    /^2: int0: .*\n {4}UP (?:nic )?admin up link up\n[\s\S]*ipackets/,
  )
})

test('all of it is taken away again', async () => {
  await untilNoConns(lab)
  await type('ipvsadm -C')
  await type('dpip addr flush dev ext0')
  await type('dpip addr flush dev int0')
  assert.equal(await type('dpip addr show'), '')
})
