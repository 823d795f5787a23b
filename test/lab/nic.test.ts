/** NICs as arms: what is for us, what stays the host's, and what becomes of a NIC, between real kernels. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { daemonPid } from '../../netns/appliance.ts'
import { dots } from '../../netns/demo.ts'
import { inside } from '../../netns/namespaces.ts'
import { mustRun, run, until } from '../../netns/processes.ts'
import { WAYS_OUT } from '../../netns/topology.ts'
import type { ArmInfo } from '../../src/api/commands.ts'
import { countTcx, TCX_INGRESS } from '../../src/io/native.ts'
import { hostText } from '../../src/wire/ip-address.ts'
import {
  CIP,
  CIP6,
  countersOf,
  labConfig,
  mustTapvs,
  scratchFolder,
  VIP,
  VIP6,
} from '../kit/lab.ts'
import { NicLab } from '../kit/nic-lab.ts'

const folder = scratchFolder()
const nics = new NicLab('nic')
const { lab, ip, ping, links, untilServed, listening } = nics
const HOST = '202.108.10.9'

const inBox = (...argv: string[]) => mustRun([...inside(nics.box), ...argv])
const ext = async () => (await countersOf(lab)).arms[0] as ArmInfo

/** A server of the host's on `port`, as sshd is one. */
async function hostServes(t: TestContext, port: number): Promise<ChildProcess> {
  const [command = '', ...args] = [...inside(nics.box), 'socat']
  const listen = `TCP-LISTEN:${port},fork,reuseaddr`
  const server = spawn(command, [...args, listen, 'SYSTEM:echo host'], { stdio: 'ignore' })
  t.after(() => server.kill())
  const answers = async () => {
    const { stdout } = await lab.client(['ss', '-Hltn', `sport = :${port}`], {})
    const own = await run([...inside(nics.box), 'ss', '-Hltn', `sport = :${port}`])
    return own.stdout !== '' || stdout !== '' || undefined
  }
  await until('the host to listen', { limitMs: 3000 }, answers)
  return server
}

const ask = (address: string, port: number) =>
  lab.client(['socat', '-T1', '-', `TCP:${address}:${port},connect-timeout=1`], {
    timeoutMs: 4000,
    input: '',
  })

test('ARP, ping and redis by the VIP; the listing says what the arm is', async () => {
  await untilServed()
  await mustRun(lab.inside('client', ['ping', '-c1', '-W2', VIP]))
  const { stdout } = await lab.client(['ip', 'neigh', 'show', VIP])
  const { mac, mtu, kind } = await ext()
  assert.match(stdout, new RegExp(mac))
  assert.match(await ip('link', 'show', 'ext0'), new RegExp(mac))
  assert.deepEqual([mtu, kind], [1500, 'nic'])
  assert.match(await mustTapvs(lab, 'dpip', 'link', 'show', 'ext0'), /UP nic admin up link up/)
})

test('the NIC stays the host’s for its own address, and the host answers for none of ours', async t => {
  await ip('addr', 'add', `${HOST}/24`, 'dev', 'ext0')
  await ip('addr', 'add', `${VIP}/32`, 'dev', 'ext0')
  t.after(() => ip('addr', 'flush', 'dev', 'ext0'))
  await hostServes(t, 22)
  await hostServes(t, 6379)
  // Neither knows the other yet, in either direction.
  await lab.client(['ip', 'neigh', 'flush', 'dev', 'ext0'])
  await inBox('ping', '-c1', '-W2', '-I', HOST, CIP)
  await lab.client(['ip', 'neigh', 'flush', 'dev', 'ext0'])
  assert.equal((await ask(HOST, 22)).stdout, 'host\n')
  await mustRun(lab.inside('client', ['ping', '-c1', '-W2', HOST]))
  // The VIP is the host's too, and has a server there.
  assert.equal((await ping()).stdout, 'PONG\n')
  assert.notEqual((await ask(VIP, 22)).stdout, 'host\n')
  assert.equal((await ask(HOST, 22)).stdout, 'host\n')
})

test('an address that comes is ours from then on, and the host’s again when it goes', async t => {
  const late = '202.108.10.21'
  await ip('addr', 'add', `${HOST}/24`, 'dev', 'ext0')
  await ip('addr', 'add', `${late}/32`, 'dev', 'ext0')
  t.after(() => ip('addr', 'flush', 'dev', 'ext0'))
  await hostServes(t, 22)
  assert.equal((await ask(late, 22)).stdout, 'host\n')
  const says = listening()
  await mustTapvs(lab, 'dpip', 'addr', 'add', `${late}/32`, 'dev', 'ext0')
  await says(/address 202\.108\.10\.21 is the host's too, on ext0 in .*; if it is the host's own, /)
  assert.notEqual((await ask(late, 22)).stdout, 'host\n')
  await mustTapvs(lab, 'dpip', 'addr', 'del', `${late}/32`, 'dev', 'ext0')
  assert.equal((await ask(late, 22)).stdout, 'host\n')
})

test('what the host’s stack says into the TAP is not taken for the network', async () => {
  const tap = /tapvs\d+/.exec(await links())?.[0] ?? ''
  assert.doesNotMatch(await ip('addr', 'show', 'dev', tap), /inet/)
  const read = async () => {
    const { arms, drops } = await countersOf(lab)
    return [arms[0]?.rx_packets, drops]
  }
  const before = await read()
  await ip('route', 'add', '203.0.113.0/24', 'dev', tap)
  await run([...inside(nics.box), 'ping', '-c2', '-i0.2', '-W1', '203.0.113.1'])
  await ip('route', 'del', '203.0.113.0/24', 'dev', tap)
  assert.deepEqual(await read(), before)
})

test('MTU, carrier and switch of the NIC are the arm’s', async () => {
  const says = listening()
  await ip('link', 'set', 'ext0', 'mtu', '1400')
  await says(/arm ext0 has the MTU 1400 now, 1500 before/)
  assert.equal((await ext()).mtu, 1400)
  await ip('link', 'set', 'ext0', 'mtu', '1500')
  await says(/arm ext0 has the MTU 1500 now/)
  await lab.client(['ip', 'link', 'set', 'ext0', 'down'])
  await says(/arm ext0 has no carrier: plug it in/)
  assert.equal((await ext()).link, 'down')
  await lab.client(['ip', 'link', 'set', 'ext0', 'up'])
  await says(/arm ext0 is up/)
  await ip('link', 'set', 'ext0', 'down')
  await says(/arm ext0 is down: ip -n \S+ link set ext0 up/)
  await ip('link', 'set', 'ext0', 'up')
  await untilServed()
})

test('another MAC is the arm’s, and is announced', async () => {
  const says = listening()
  await ip('link', 'set', 'ext0', 'address', '02:00:00:00:00:55')
  await says(/arm ext0 has the MAC 02:00:00:00:00:55 now/)
  await untilServed()
  const { stdout } = await lab.client(['ip', 'neigh', 'show', VIP])
  assert.match(stdout, /02:00:00:00:00:55/)
})

for (const count of [1, 2]) {
  test(`a NIC that is deleted and made anew: ${count} workers live and take it up again`, async () => {
    const config = labConfig(folder, `${count}`, yaml => yaml.set('workers', { count }))
    if (count > 1) await lab.up({ config })
    await untilServed()
    const before = daemonPid(lab.paths)
    const says = listening()
    await ip('link', 'del', 'ext0')
    await says(/nic ext0 is not there any more\n.*arm ext0 is gone/)
    // Its TAP goes with the last worker that lets go of it, and the first one is told of.
    await until('its TAP to go', { limitMs: 3000 }, async () =>
      /tapvs.*\n.*tapvs/.test(await links()) ? undefined : true,
    )
    const end = lab.arm('client')
    await mustRun(
      `ip -n ${end.netns} link add ext0 type veth peer name ext0 netns ${nics.box.netns}`.split(
        ' ',
      ),
    )
    await ip('link', 'set', 'ext0', 'up')
    for (const words of [`addr add ${CIP}/24 dev ext0`, 'link set ext0 up'])
      await mustRun(['ip', '-n', end.netns, ...words.split(' ')])
    await says(/arm ext0 is back/)
    await untilServed()
    for (let i = 0; i < 10; i++) assert.equal((await ping()).stdout, 'PONG\n')
    assert.equal(daemonPid(lab.paths), before)
    assert.equal((await countersOf(lab)).events.handed_over, 0)
    assert.equal((await ext()).queues, count)
  })
}

const WAYS_TO_GO = [
  { how: 'renamed', go: ['name', 'ext9'], back: ['name', 'ext0'], left: 'ext9' },
  { how: 'moved to another namespace', go: ['netns'], back: ['netns'], left: 'ext0' },
]
for (const { how, go, back, left } of WAYS_TO_GO) {
  test(`a NIC that is ${how} is let go of, and taken up when it is back`, async t => {
    const away = `${nics.box.netns}2`
    await mustRun(['ip', 'netns', 'add', away])
    t.after(() => run(['ip', 'netns', 'del', away]))
    await untilServed()
    const says = listening()
    const isMove = go.length === 1
    await ip('link', 'set', 'ext0', ...go, ...(isMove ? [away] : []))
    await says(/nic ext0 is not there any more\n.*arm ext0 is gone/)
    const there = isMove ? away : nics.box.netns
    assert.match(await mustRun(['ip', '-n', there, 'link', 'show', 'dev', left]), /ext/)
    // It is the host's again, with nothing of ours at it, once the keeper has let go too.
    const index = await nics.indexOf(there, left)
    const bare = () => countTcx(join('/run/netns', there), index, TCX_INGRESS) === 0 || undefined
    await until('the NIC to be bare', { limitMs: 5000 }, bare)
    await mustRun([
      'ip',
      '-n',
      there,
      'link',
      'set',
      left,
      ...back,
      ...(isMove ? [nics.box.netns] : []),
    ])
    await ip('link', 'set', 'ext0', 'up')
    await says(/arm ext0 is back/)
    await untilServed()
  })
}

/** Packets that the host has routed for others, and RSTs that it has sent. */
async function ofHost(): Promise<(string | undefined)[]> {
  const snmp = await inBox('cat', '/proc/net/snmp')
  const value = (kind: string, name: string) => {
    const [head = '', row = ''] = snmp.split('\n').filter(line => line.startsWith(`${kind}: `))
    return row.split(' ')[head.split(' ').indexOf(name)]
  }
  const [, six] = /^Ip6OutForwDatagrams\s+(\d+)$/m.exec(await inBox('cat', '/proc/net/snmp6')) ?? []
  return [value('Ip', 'ForwDatagrams'), value('Tcp', 'OutRsts'), six]
}

/** From among the real servers. */
const fromInside = (...argv: string[]) => lab.rs(argv, { timeoutMs: 8000, input: '' })
const askInside = async (address: string) =>
  (await fromInside('socat', '-T1', '-', `TCP:${address}:22,connect-timeout=1`)).stdout

test('by NAT and SNAT the host of the NICs, a router, has no part in it, and keeps its own', async t => {
  const mine = '192.168.168.9'
  await lab.up({ mode: 'nat', workers: 2, ipv6: true })
  await ip('addr', 'add', `${mine}/24`, 'dev', 'int0')
  await ip('addr', 'add', `${HOST}/24`, 'dev', 'ext0')
  await inBox('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=1')
  await inBox('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1')
  t.after(async () => {
    await ip('addr', 'flush', 'dev', 'ext0')
    await ip('addr', 'flush', 'dev', 'int0')
  })
  await hostServes(t, 22)
  await untilServed()
  let before = await ofHost()
  const { stdout } = await lab.client(['redis-cli', '-h', VIP, 'client', 'list'], {})
  assert.match(stdout, new RegExp(` addr=${CIP}:`))
  for (let i = 0; i < 8; i++) assert.equal((await ping()).stdout, 'PONG\n')
  const six = await lab.client(['redis-cli', '-h', VIP6, 'client', 'list'], { timeoutMs: 8000 })
  assert.match(six.stdout, new RegExp(` addr=\\[${CIP6}\\]:`), six.stderr)
  assert.equal(await askInside(mine), 'host\n')
  assert.deepEqual(await ofHost(), before)
  assert.equal((await countersOf(lab)).events.handed_over, 0)

  await lab.up({ mode: 'snat', workers: 2, ipv6: true })
  await untilServed()
  before = await ofHost()
  for (const [i, server] of [CIP, CIP6].entries()) {
    const { outside = '' } = WAYS_OUT[i] ?? {}
    const seen = await fromInside('redis-cli', '-h', server, 'client', 'list')
    assert.match(seen.stdout, new RegExp(` addr=${dots(hostText(outside))}:`), seen.stderr)
  }
  assert.equal((await fromInside('redis-cli', '-h', CIP, 'ping')).stdout, 'PONG\n')
  for (const address of [mine, HOST]) assert.equal(await askInside(address), 'host\n')
  assert.equal((await ping()).stdout, 'PONG\n')
  assert.deepEqual(await ofHost(), before)
  assert.equal((await countersOf(lab)).events.handed_over, 0)

  // The kernel knows not whose a ping is, so workers hand them over.
  for (const server of [CIP, CIP6]) {
    const { stdout } = await fromInside('ping', '-c2', '-i0.1', '-W2', server)
    assert.match(stdout, / 2 received/)
  }
  assert.deepEqual(await ofHost(), before)

  // Where no route of ours leads, by SNAT nothing goes: it is the host's, which routes it.
  await ip('route', 'add', '203.0.113.0/24', 'via', CIP, 'dev', 'ext0')
  assert.equal(await askInside('203.0.113.9'), '')
  assert.notEqual((await ofHost())[0], before[0])
})
