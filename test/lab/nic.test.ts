/** NICs as arms: what is for us, what stays the host's, and what becomes of a NIC, between real kernels. */
// alone: it judges how soon a NIC is back

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { daemonPid, killDaemon, logSince, stopDaemon } from '../../netns/appliance.ts'
import { inside } from '../../netns/namespaces.ts'
import { mustRun, run, until } from '../../netns/processes.ts'
import { type Netns, TAPVS } from '../../netns/topology.ts'
import type { ArmInfo } from '../../src/api/commands.ts'
import type { Finding } from '../../src/control/doctor/finding.ts'
import {
  CIP,
  countersOf,
  labConfig,
  labForTests,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { printedJson } from '../kit/printed-json.ts'
import { underUnitFilter } from '../kit/syscall-filter.ts'

const folder = scratchFolder()
const lab = labForTests('nic', {}, 'veth')
const HOST = '202.108.10.9'

const box = () => lab.box as Netns
const inBox = (...argv: string[]) => mustRun([...inside(box()), ...argv])
const ip = (...args: string[]) => mustRun(['ip', '-n', box().netns, ...args])
const ping = () => lab.client(['redis-cli', '-h', VIP, 'ping'], { timeoutMs: 3000 })
const links = async () => (await run(['ip', '-n', box().netns, '-br', 'link'])).stdout
const ext = async () => (await countersOf(lab)).arms[0] as ArmInfo

async function untilServed(limitMs = 8000): Promise<void> {
  await until('an answer through the VIP', { limitMs }, async () => {
    return (await ping()).stdout === 'PONG\n' || undefined
  })
}

/** What the log says from now on. */
function listening(): (pattern: RegExp) => Promise<string> {
  const from = readFileSync(lab.paths.log, 'utf8').length
  return pattern =>
    until(
      `${pattern}`,
      { limitMs: 6000 },
      () => pattern.exec(logSince(lab.paths, from))?.[0] ?? undefined,
    )
}

/** A server of the host's on `port`, as sshd is one. */
async function hostServes(t: TestContext, port: number): Promise<ChildProcess> {
  const [command = '', ...args] = [...inside(box()), 'socat']
  const listen = `TCP-LISTEN:${port},fork,reuseaddr`
  const server = spawn(command, [...args, listen, 'SYSTEM:echo host'], { stdio: 'ignore' })
  t.after(() => server.kill())
  const answers = async () => {
    const { stdout } = await lab.client(['ss', '-Hltn', `sport = :${port}`], {})
    const own = await run([...inside(box()), 'ss', '-Hltn', `sport = :${port}`])
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
  await run([...inside(box()), 'ping', '-c2', '-i0.2', '-W1', '203.0.113.1'])
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
    assert.doesNotMatch(await links(), /tapvs.*\n.*tapvs/)
    const end = lab.arm('client')
    await mustRun(
      `ip -n ${end.netns} link add ext0 type veth peer name ext0 netns ${box().netns}`.split(' '),
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

/** Complaints about the lab's arms, `level check: text; mend`; `before` are words before the command. */
async function doctor(edit: Parameters<typeof labConfig>[2] = () => {}): Promise<string[]> {
  const config = labConfig(folder, `doctor${performance.now()}`, yaml => {
    for (const arm of [0, 1]) {
      yaml.setIn(['arms', arm, 'kind'], 'nic')
      yaml.setIn(['arms', arm, 'netns'], box().netns)
    }
    yaml.setIn(['control', 'socket'], lab.paths.socket)
    edit(yaml)
  })
  const { stdout } = await run([TAPVS, 'doctor', '--json', '--config', config])
  return printedJson<Finding[]>(stdout)
    .filter(({ level, check }) => level !== 'ok' && check !== 'control socket')
    .map(({ level, check, text, mend }) => `${level} ${check}: ${text}; ${mend}`)
}

test('the doctor, with NICs as they should be and with all kinds of faults', async () => {
  const { netns } = box()
  assert.deepEqual(await doctor(), [])
  const own = `if it is the host's own, take it out of arms[], and if it is to be ours alone: ip -n ${netns} addr del ${VIP} dev ext0`
  await ip('addr', 'add', `${VIP}/32`, 'dev', 'ext0')
  assert.deepEqual(await doctor(), [
    `fail address ${VIP}: ext0 in ${netns} has it too, as its first: the host is cut off from it; ${own}`,
  ])
  await ip('addr', 'flush', 'dev', 'ext0')
  await ip('addr', 'add', `${HOST}/24`, 'dev', 'ext0')
  await ip('addr', 'add', `${VIP}/32`, 'dev', 'ext0')
  const tap = /tapvs\d+/.exec(await links())?.[0] ?? ''
  const large = await doctor(yaml => {
    yaml.setIn(['arms', 0, 'mtu'], 9000)
    yaml.setIn(['arms', 1, 'name'], tap)
  })
  await ip('addr', 'flush', 'dev', 'ext0')
  assert.deepEqual(large, [
    `fail nic ext0: the mtu 9000 of arm ext0 is more than the 1500 of its nic; set it to 1500 or leave it out, or ip -n ${netns} link set ext0 mtu 9000`,
    `warn address ${VIP}: ext0 in ${netns} has it too: it works, and nobody reaches the host by it; ${own}`,
    `fail nic ${tap}: is a TAP in ${netns}; leave kind: nic out, or name a NIC`,
  ])
  const vlan = await doctor(yaml =>
    yaml.addIn(['arms'], { name: 'ext0.5', vlan: { arm: 'ext0', id: 5 }, mtu: 9000 }),
  )
  assert.deepEqual(vlan, [
    `fail nic ext0: the mtu 9000 of arm ext0.5 is more than the 1500 of its nic; set it to 1500 or leave it out, or ip -n ${netns} link set ext0 mtu 9000`,
  ])
  const none = await doctor(yaml => {
    yaml.setIn(['arms', 0, 'name'], 'eth9')
    yaml.setIn(['arms', 1, 'name'], 'lo')
  })
  assert.deepEqual(none, [
    `fail nic eth9: is not there in ${netns}; ip -n ${netns} link shows what is`,
    `fail nic lo: lo in ${netns} has no Ethernet; name one that has`,
  ])
})

test('with CAP_NET_ADMIN and CAP_BPF and no other right, where no arm has a netns', async () => {
  await stopDaemon(lab.paths)
  const config = labConfig(folder, 'near', yaml => {
    for (const arm of [0, 1]) {
      yaml.setIn(['arms', arm, 'kind'], 'nic')
      yaml.deleteIn(['arms', arm, 'netns'])
    }
    yaml.setIn(['control', 'socket'], `${folder}/near.sock`)
  })
  const rights = ['setpriv', '--bounding-set=-all,+net_admin,+bpf', '--inh-caps=-all']
  const [command = '', ...args] = [...inside(box()), ...rights, TAPVS, 'run', '--config', config]
  const daemon = spawn(command, args, { stdio: 'ignore' })
  try {
    await untilServed()
    const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8')
    assert.match(status, /^CapEff:\t0000008000001000$/m)
  } finally {
    daemon.kill('SIGKILL')
  }
  await until('its TAPs to go', { limitMs: 3000 }, async () =>
    /tapvs/.test(await links()) ? undefined : true,
  )
})

test('without tcx it says what is missing, and does not start', async () => {
  await stopDaemon(lab.paths)
  const without = underUnitFilter(folder, ['bpf'])
  const { code, stderr } = await run([...without, TAPVS, 'run', '--config', lab.paths.config])
  assert.equal(code, 1)
  assert.match(
    stderr,
    /nic ext0 in \S+: BPF_PROG_LOAD: Operation not permitted; tcx needs bpf\(2\) and CAP_NET_ADMIN with CAP_BPF or/,
  )
  assert.equal(stderr.trim().split('\n').length, 1)
  assert.doesNotMatch(await links(), /tapvs/)
  await lab.up(lab.wanted)
})

test('a second daemon on the same NIC is refused; a killed one leaves nothing behind', async () => {
  const second = labConfig(folder, 'second', yaml => {
    for (const arm of [0, 1]) {
      yaml.setIn(['arms', arm, 'kind'], 'nic')
      yaml.setIn(['arms', arm, 'netns'], box().netns)
    }
    yaml.setIn(['control', 'socket'], `${folder}/second.sock`)
  })
  const { code, stderr } = await run([TAPVS, 'run', '--config', second], { timeoutMs: 10_000 })
  assert.equal(code, 1)
  assert.match(stderr, /nic ext0 in \S+ is held by node \(pid \d+\)/)
  assert.match(await links(), /tapvs/)
  killDaemon(lab.paths)
  await until('its TAPs to go', { limitMs: 3000 }, async () =>
    /tapvs/.test(await links()) ? undefined : true,
  )
  await ip('addr', 'add', `${VIP}/24`, 'dev', 'ext0')
  await lab.client(['ip', 'neigh', 'flush', 'dev', 'ext0'])
  await mustRun(lab.inside('client', ['ping', '-c1', '-W2', VIP]))
  await ip('addr', 'flush', 'dev', 'ext0')
})
