/** `tapvs ipvsadm` against a daemon on paper: what it asks, prints and says when something is there or is not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { ipvsadm } from '../../../src/cli/verbs/ipvsadm.ts'
import { CONN } from '../canned.ts'
import { PaperDaemon } from '../paper-daemon.ts'

async function say(daemon: PaperDaemon, line: string): Promise<string> {
  daemon.stdout = ''
  await ipvsadm(
    line.split(' ').filter(word => word !== ''),
    daemon.open,
  )
  return daemon.stdout
}

async function fails(daemon: PaperDaemon, line: string, message: string, code = 1): Promise<void> {
  await assert.rejects(say(daemon, line), (error: unknown) => {
    assert.ok(error instanceof CliError)
    assert.equal(error.message, message)
    assert.equal(error.exitCode, code)
    return true
  })
}

const T = '-t 202.108.10.1:6379'
const LIST_HEAD = [
  'IP Virtual Server version 0.0.0 (size=0)',
  'Prot LocalAddress:Port Scheduler Flags',
  '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
]

async function seed(): Promise<PaperDaemon> {
  const daemon = new PaperDaemon()
  await say(daemon, `-A ${T} -s wrr`)
  await say(daemon, `-a ${T} -r 192.168.168.2:6379 -b -w 100`)
  await say(daemon, `--add-laddr -z 192.168.168.7 ${T} -F int0`)
  return daemon
}

test('the seed by hand', async () => {
  const daemon = await seed()
  assert.equal(daemon.stderr, 'warning: TCP 202.108.10.1:6379: no LIP: it takes no connection\n')
  assert.deepEqual((await say(daemon, '-ln')).split('\n'), [
    ...LIST_HEAD,
    'TCP  202.108.10.1:6379 wrr',
    '  -> 192.168.168.2:6379           FullNat 100    0          0         ',
    '',
  ])
  assert.deepEqual((await say(daemon, '-G')).split('\n'), [
    'VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS     ',
    '202.108.10.1:6379    1        ',
    '                              192.168.168.7        0          0         ',
    '',
  ])
})

test('a service of UDP beside one of TCP, on the same VIP and port', async () => {
  const daemon = await seed()
  const U = '-u 202.108.10.1:6379'
  await say(daemon, `-A ${U} -s rr -o --conn-timeout 30`)
  await say(daemon, `-P -z 192.168.168.7 ${U} -F int0`)
  await say(daemon, `-a ${U} -r 192.168.168.2`)
  const both = await say(daemon, '-ln')
  assert.match(both, /^TCP {2}202\.108\.10\.1:6379 wrr$/m)
  assert.match(both, /^UDP {2}202\.108\.10\.1:6379 rr ops conn-timeout 30$/m)
  assert.doesNotMatch(await say(daemon, `-ln ${U}`), /TCP/)
  const saved = await say(daemon, '-S')
  assert.match(saved, /^-A -u 202\.108\.10\.1:6379 -s rr --conn-timeout 30 -o$/m)
  await say(daemon, '-C')
  daemon.stdin = saved
  await say(daemon, '-R')
  assert.equal(await say(daemon, '-S'), saved)
  await say(daemon, `-E ${U}`)
  assert.match(await say(daemon, '-ln'), /^UDP {2}202\.108\.10\.1:6379 wlc$/m)
  await say(daemon, `-D ${U}`)
  assert.match(await say(daemon, '-ln'), /^TCP/m)
  await fails(daemon, `-D ${U}`, 'No such service: UDP 202.108.10.1:6379')
})

test('each change is one request, whatever there is to say of it', async () => {
  const daemon = await seed()
  assert.deepEqual(
    daemon.asked.map(({ verb }) => verb),
    ['edit', 'edit', 'edit'],
  )
  daemon.asked = []
  // It warns, and so does what was there before, which is said no more.
  await say(daemon, '-A -t 202.108.10.1:80')
  daemon.stderr = ''
  await say(daemon, '-A -t 202.108.10.9:80')
  assert.deepEqual(daemon.stderr.split('\n'), [
    'warning: TCP 202.108.10.9:80: 202.108.10.9 is no address of any arm: nobody answers ARP for it',
    'warning: TCP 202.108.10.9:80: no LIP: it takes no connection',
    '',
  ])
  await fails(daemon, `-A ${T}`, 'Service already exists: TCP 202.108.10.1:6379')
  await fails(
    daemon,
    `-a ${T} -r 192.168.168.7`,
    'expected another host, found our own address "192.168.168.7"',
  )
  assert.equal(daemon.asked.length, 4)
})

test('what is there already, and what is not', async () => {
  const daemon = await seed()
  const rs = '-r 192.168.168.2:6379'
  await fails(daemon, `-A ${T}`, 'Service already exists: TCP 202.108.10.1:6379')
  await fails(
    daemon,
    `-a ${T} ${rs}`,
    'Destination already exists: 192.168.168.2:6379 in TCP 202.108.10.1:6379',
  )
  await fails(
    daemon,
    `-d ${T} -r 10.0.0.1`,
    'No such destination: 10.0.0.1:6379 in TCP 202.108.10.1:6379',
  )
  const other = '-t 202.108.10.1:80'
  for (const line of [
    `-E ${other}`,
    `-D ${other}`,
    `-a ${other} ${rs}`,
    `-P ${other} -z 10.0.0.7 -F int0`,
  ])
    await fails(daemon, line, 'No such service: TCP 202.108.10.1:80')
  for (const line of [`-ln ${other}`, `-G ${other}`, `-S ${other}`])
    await fails(daemon, line, 'No such service: TCP 202.108.10.1:80')
  await fails(
    daemon,
    `-P ${T} -z 192.168.168.7 -F int0`,
    'LIP 192.168.168.7 exists already in TCP 202.108.10.1:6379',
  )
  await fails(daemon, `-P ${T} -z 192.168.168.7 -F ext0`, 'LIP 192.168.168.7 is of int0, not ext0')
})

test('edits change, and what an edit of a service leaves out gets its default', async () => {
  const daemon = await seed()
  await say(daemon, `-E ${T} -s rr -p --conn-timeout 300 --when-down reject`)
  await say(daemon, `-e ${T} -r 192.168.168.2 -w 5 -x 10`)
  assert.deepEqual((await say(daemon, `-ln ${T}`)).split('\n').slice(3), [
    'TCP  202.108.10.1:6379 rr persistent 360 conn-timeout 300 when-down reject',
    '  -> 192.168.168.2:6379           FullNat 5      0          0         ',
    '',
  ])
  await say(daemon, `-E ${T}`)
  await say(daemon, `-d ${T} -r 192.168.168.2`)
  assert.deepEqual((await say(daemon, '')).split('\n').slice(3), ['TCP  202.108.10.1:6379 wlc', ''])
  await say(daemon, '-C')
  assert.deepEqual((await say(daemon, '-l')).split('\n').slice(3), [''])
})

test('-S is what -R reads', async () => {
  const daemon = await seed()
  await say(
    daemon,
    '-A -t 202.108.10.1:80 -p 60 -M 255.255.255.0 --conn-timeout 300 --when-down reject',
  )
  await say(daemon, '-a -t 202.108.10.1:80 -r 192.168.168.9 -w 0 -x 100 -y 50')
  const before = daemon.file
  const saved = await say(daemon, '-S')
  assert.equal(
    saved.split('\n')[0],
    '-A -t 202.108.10.1:80 -s wlc -p 60 -M 255.255.255.0 --conn-timeout 300 --when-down reject',
  )
  await say(daemon, '-C')
  daemon.stdin = saved
  await say(daemon, '-R')
  assert.equal(await say(daemon, '-Sn'), saved)
  const byPort = (file: typeof before) => file.services.toSorted((a, b) => a.port - b.port)
  assert.deepEqual(byPort(daemon.file), byPort(before))
})

test('-R does all or nothing, and names the line', async () => {
  const daemon = await seed()
  const before = daemon.file
  daemon.stdin = `-A -t 10.0.0.1:80\n\n-a -t 10.0.0.1:80 -r 10.0.0.2\n-a -t 10.0.0.1:80 -r 10.0.0.2\n-D ${T}\n`
  await fails(
    daemon,
    '-R',
    'line 4: Destination already exists: 10.0.0.2:80 in TCP 10.0.0.1:80; nothing was changed',
  )
  daemon.stdin = '-A -t 10.0.0.1:80\n-A\n'
  await fails(
    daemon,
    '-R',
    'line 2: -A needs -t or -u VIP:PORT, or -H MATCH; nothing was changed',
    2,
  )
  assert.equal(daemon.file, before)
  daemon.asked = []
  daemon.stdin = '# nothing\n'
  await say(daemon, '--restore')
  assert.deepEqual(daemon.asked, [])
})

test('timeouts, as LVS prints them', async () => {
  const daemon = new PaperDaemon()
  assert.equal(await say(daemon, '-l --timeout'), 'Timeout (tcp tcpfin udp): 90 7 300\n')
  await say(daemon, '--set 900 0 0')
  assert.equal(await say(daemon, '--timeout'), 'Timeout (tcp tcpfin udp): 900 7 300\n')
  assert.equal(daemon.stderr, '')
  await say(daemon, '--set 0 120 60')
  assert.equal(await say(daemon, '-L -n --timeout'), 'Timeout (tcp tcpfin udp): 900 120 60\n')
  assert.deepEqual(daemon.file.udp.timeouts, { oneway: 60, normal: 60 })
  assert.equal(daemon.stderr, '')
})

test('warnings are told once, and mistakes without their place in a config', async () => {
  const daemon = await seed()
  daemon.stderr = ''
  await say(daemon, '-A -t 202.108.10.2:80')
  await say(daemon, '-a -t 202.108.10.2:80 -r 192.168.168.2')
  assert.deepEqual(daemon.stderr.split('\n'), [
    'warning: TCP 202.108.10.2:80: 202.108.10.2 is no address of any arm: nobody answers ARP for it',
    'warning: TCP 202.108.10.2:80: no LIP: it takes no connection',
    '',
  ])
  await fails(
    daemon,
    `-a ${T} -r 192.168.168.7`,
    'expected another host, found our own address "192.168.168.7"',
  )
})

test('-Z of one service or all', async () => {
  const daemon = await seed()
  daemon.asked = []
  await say(daemon, '-Z')
  await say(daemon, `-Z ${T}`)
  assert.deepEqual(daemon.asked, [
    { verb: 'zero' },
    { verb: 'zero', service: { protocol: 'tcp', address: '202.108.10.1', port: 6379 } },
  ])
})

test('connections by client, service and worker', async () => {
  const daemon = new PaperDaemon()
  const other = { ...CONN, worker: 1, client: '202.108.10.3:1024', vip: '202.108.10.1:80' }
  daemon.conns = [CONN, other]
  const rows = async (line: string) => (await say(daemon, line)).match(/^\[\d+\]/gm) ?? []
  assert.deepEqual(await rows('-lnc'), ['[5]', '[1]'])
  assert.deepEqual(await rows('-lnc --cpu 1'), ['[1]'])
  assert.deepEqual(await rows('-lnc --cpu 2'), [])
  assert.deepEqual(await rows(`-lnc ${T}`), ['[5]'])
  const pair = '-ln --sockpair tcp:202.108.10.2:33896'
  assert.deepEqual(await rows(`${pair}:202.108.10.1:6379`), ['[5]'])
  await fails(daemon, `${pair}:202.108.10.1:80`, 'connection specified not found')
})

test('--nosort leaves the order of the config', async () => {
  const daemon = new PaperDaemon()
  for (const port of [80, 9, 443]) await say(daemon, `-A -t 202.108.10.1:${port}`)
  for (const address of ['100.0.0.1', '9.0.0.1'])
    await say(daemon, `-a -t 202.108.10.1:9 -r ${address}`)
  const names = async (line: string) => (await say(daemon, line)).match(/[\d.]+:\d+/g)
  const rs = ['100.0.0.1:9', '9.0.0.1:9']
  assert.deepEqual(await names('-ln'), [
    '202.108.10.1:9',
    ...rs.toReversed(),
    '202.108.10.1:80',
    '202.108.10.1:443',
  ])
  assert.deepEqual(await names('-ln --nosort'), [
    '202.108.10.1:80',
    '202.108.10.1:9',
    ...rs,
    '202.108.10.1:443',
  ])
})

test('--socket goes anywhere', async () => {
  const daemon = new PaperDaemon()
  await say(daemon, '-ln')
  assert.equal(daemon.socket, undefined)
  await say(daemon, '-ln --socket /run/x.sock')
  assert.equal(daemon.socket, '/run/x.sock')
})

test('-h and -v need no daemon', async () => {
  const daemon = new PaperDaemon()
  assert.match(await say(daemon, '-h'), /^tapvs ipvsadm COMMAND/)
  assert.match(await say(daemon, '-v'), /^\d+\.\d+\.\d+(\+[0-9a-f]+(\.dirty)?)?\n$/)
  assert.deepEqual(daemon.asked, [])
})
