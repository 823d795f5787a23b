/** How a daemon with NICs starts, or does not: what the doctor finds, rights, kernels without tcx, kinds of NICs, a second daemon. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { killDaemon, stopDaemon } from '../../netns/appliance.ts'
import { inside } from '../../netns/namespaces.ts'
import { mustRun, run } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import type { Finding } from '../../src/control/doctor/finding.ts'
import { attachTcx, closeFd, loadClassifier, TCX_EGRESS, TCX_INGRESS } from '../../src/io/native.ts'
import { toTapProgram } from '../../src/io/nic-bpf.ts'
import { labConfig, scratchFolder, VIP } from '../kit/lab.ts'
import { NicLab } from '../kit/nic-lab.ts'
import { printedJson } from '../kit/printed-json.ts'
import { underUnitFilter } from '../kit/syscall-filter.ts'

const folder = scratchFolder()
const nics = new NicLab('nic-start')
const { lab, ip, links, untilServed, untilNoTap } = nics
const HOST = '202.108.10.9'

/** Complaints about the lab's arms, `level check: text; mend`; `before` are words before the command. */
async function doctor(edit: Parameters<typeof labConfig>[2] = () => {}): Promise<string[]> {
  const config = labConfig(folder, `doctor${performance.now()}`, yaml => {
    for (const arm of [0, 1]) {
      yaml.setIn(['arms', arm, 'kind'], 'nic')
      yaml.setIn(['arms', arm, 'netns'], nics.box.netns)
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
  const { netns } = nics.box
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

test('the doctor sees programs of others, and a NIC that is a port of a bridge', async t => {
  const { netns, netnsPath } = nics.box
  const program = loadClassifier(toTapProgram(await nics.indexOf(netns, 'ext0')))
  const link = attachTcx(program, netnsPath, await nics.indexOf(netns, 'int0'), TCX_EGRESS)
  const other = attachTcx(program, netnsPath, await nics.indexOf(netns, 'ext0'), TCX_INGRESS)
  t.after(() => ip('link', 'del', 'br9'))
  await ip('link', 'add', 'br9', 'type', 'bridge')
  await ip('link', 'set', 'int0', 'master', 'br9')
  const found = await doctor()
  for (const fd of [program, link, other]) closeFd(fd)
  assert.deepEqual(found, [
    `warn nic ext0: has 1 other program at tcx, which sees only what is not for us in ${netns}; if that is not wanted, take them away: ip netns exec ${netns} bpftool net show dev ext0`,
    `warn nic int0: is a port of another device, whose arm it would better be in ${netns}; name that device, or ip -n ${netns} link set int0 nomaster`,
  ])
})

test('a macvlan on a NIC is an arm as well', async t => {
  await stopDaemon(lab.paths)
  await ip(...'link add mac0 link ext0 type macvlan mode bridge'.split(' '))
  await ip('link', 'set', 'mac0', 'up')
  const config = labConfig(folder, 'macvlan', yaml => {
    for (const arm of [0, 1]) {
      yaml.setIn(['arms', arm, 'kind'], 'nic')
      yaml.setIn(['arms', arm, 'netns'], nics.box.netns)
    }
    yaml.setIn(['arms', 0, 'name'], 'mac0')
    for (const service of (yaml.toJS() as { services: object[] }).services.keys())
      yaml.deleteIn(['services', service, 'on'])
    yaml.setIn(['control', 'socket'], `${folder}/macvlan.sock`)
  })
  const daemon = spawn(TAPVS, ['run', '--config', config], { stdio: 'ignore' })
  t.after(async () => {
    daemon.kill('SIGKILL')
    await ip('link', 'del', 'mac0')
    await lab.up(lab.wanted)
  })
  await untilServed()
  const value = 'x'.repeat(100_000)
  assert.equal(
    (await lab.client(['redis-cli', '-h', VIP, '-x', 'set', 'key'], { input: value })).stdout,
    'OK\n',
  )
  assert.equal((await lab.client(['redis-cli', '-h', VIP, 'strlen', 'key'])).stdout, '100000\n')
  const { stdout } = await lab.client(['ip', 'neigh', 'show', VIP])
  const mac = /link\/ether (\S+)/.exec(await ip('link', 'show', 'mac0'))?.[1] ?? 'none'
  assert.match(stdout, new RegExp(mac))
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
  const [command = '', ...args] = [...inside(nics.box), ...rights, TAPVS, 'run', '--config', config]
  const daemon = spawn(command, args, { stdio: 'ignore' })
  try {
    await untilServed()
    const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8')
    assert.match(status, /^CapEff:\t0000008000001000$/m)
  } finally {
    daemon.kill('SIGKILL')
  }
  await untilNoTap()
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
      yaml.setIn(['arms', arm, 'netns'], nics.box.netns)
    }
    yaml.setIn(['control', 'socket'], `${folder}/second.sock`)
  })
  const { code, stderr } = await run([TAPVS, 'run', '--config', second], { timeoutMs: 10_000 })
  assert.equal(code, 1)
  assert.match(stderr, /nic ext0 in \S+ is held by node \(pid \d+\)/)
  assert.match(await links(), /tapvs/)
  killDaemon(lab.paths)
  await untilNoTap()
  await ip('addr', 'add', `${VIP}/24`, 'dev', 'ext0')
  await lab.client(['ip', 'neigh', 'flush', 'dev', 'ext0'])
  await mustRun(lab.inside('client', ['ping', '-c1', '-W2', VIP]))
  await ip('addr', 'flush', 'dev', 'ext0')
})
