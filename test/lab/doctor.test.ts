/** `tapvs doctor` on machines with something wrong, each of which is made so here. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { daemonPid, stopDaemon } from '../../netns/appliance.ts'
import { mustRun, run, until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import type { Finding } from '../../src/control/doctor/finding.ts'
import { labConfig, labForTests, scratchFolder, VIP, VIP6 } from '../kit/lab.ts'
import { printedJson } from '../kit/printed-json.ts'

const folder = scratchFolder()
const lab = labForTests('doctor', {}, 'tap')

interface Said {
  code: number
  stderr: string
  findings: Finding[]
}

async function doctor(args: string[] = [], before: string[] = []): Promise<Said> {
  const { code, stdout, stderr } = await run([...before, TAPVS, 'doctor', '--json', ...args])
  return { code, stderr, findings: printedJson<Finding[]>(stdout) }
}

/** The lab's config with the daemon's socket elsewhere, so that the running one is somebody else. */
function otherConfig(edit: Parameters<typeof labConfig>[2] = () => {}): string[] {
  const file = labConfig(folder, `c${performance.now()}`, yaml => {
    yaml.setIn(['arms', 0, 'netns'], lab.arm('client').netns)
    yaml.setIn(['arms', 1, 'netns'], lab.arm('rs').netns)
    yaml.setIn(['control', 'socket'], join(folder, 'tapvs.sock'))
    edit(yaml)
  })
  return ['--config', file]
}

/** Findings that are not ok, `level check: text; mend`. */
const complaints = ({ findings }: Said) =>
  findings
    .filter(({ level }) => level !== 'ok')
    .map(({ level, check, text, mend }) => `${level} ${check}: ${text}; ${mend}`)

async function only(said: Promise<Said>, expected: (string | RegExp)[]): Promise<void> {
  const found = await said
  const lines = complaints(found)
  assert.equal(lines.length, expected.length, lines.join('\n'))
  for (const [i, line] of expected.entries()) {
    if (typeof line === 'string') assert.equal(lines[i], line)
    else assert.match(lines[i] ?? '', line)
  }
  const failed = lines.filter(line => line.startsWith('fail ')).length
  assert.equal(found.code, failed > 0 ? 1 : 0)
  const words = `tapvs: ${failed} of ${found.findings.length} checks failed\n`
  assert.equal(found.stderr, failed > 0 ? words : '')
}

const inClient = (...argv: string[]) => mustRun(lab.inside('client', argv))

test('a config whose daemon runs, and the same for people', async () => {
  const pid = daemonPid(lab.paths)
  await only(doctor(['--config', lab.paths.config]), [
    `warn control socket: a daemon with this config runs already, pid ${pid}; stop it before you start another`,
  ])
  const { code, stdout, stderr } = await run([TAPVS, 'doctor', '--config', lab.paths.config])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^ok {4}node: \d+/)
  assert.match(
    stdout,
    new RegExp(`^ok {4}TAP ext0: is held by the running daemon, pid ${pid}$`, 'm'),
  )
  assert.match(stdout, /^warn {2}control socket: .* runs already, pid \d+; stop it/m)
})

test('TAPs that another process holds', async () => {
  const by = `by node \\(pid ${daemonPid(lab.paths)}\\)`
  await only(doctor(otherConfig()), [
    new RegExp(`^fail TAP ext0: is in use in ${lab.arm('client').netns}: .*${by}.*; stop that`),
    new RegExp(`^fail TAP int0: is in use in ${lab.arm('rs').netns}: .*${by}.*; stop that`),
  ])
})

test("a socket that is another daemon's, somebody else's, or no socket", async t => {
  const at = (path: string) => otherConfig(yaml => yaml.setIn(['control', 'socket'], path))
  const daemon = `pid ${daemonPid(lab.paths)}`
  // Of arms that the running daemon does not have.
  const others = otherConfig(yaml => {
    yaml.setIn(['control', 'socket'], lab.paths.socket)
    yaml.setIn(['arms', 0, 'name'], 'other0')
    yaml.setIn(['arms', 1, 'name'], 'other1')
  })
  await only(doctor(others), [
    `fail control socket: another daemon answers at ${lab.paths.socket}, ${daemon}; stop it or set control.socket`,
  ])

  await stopDaemon(lab.paths)
  const path = join(folder, 'somebody.sock')
  await listenWithoutSense(t, path)
  await only(doctor(at(path)), [/^fail control socket: .*somebody\.sock.*; stop it or set/])

  const file = join(folder, 'file')
  writeFileSync(file, '')
  await only(doctor(at(file)), [
    `fail control socket: ${file} is no socket; remove it or set control.socket`,
  ])
})

/** Something that answers at `path` and is no tapvs. */
async function listenWithoutSense(t: TestContext, path: string): Promise<void> {
  const socat = spawn('socat', [`UNIX-LISTEN:${path},fork`, 'SYSTEM:echo hello'], {
    stdio: 'ignore',
  })
  t.after(() => socat.kill())
  await until('socat', { limitMs: 3000 }, () => existsSync(path) || undefined)
}

test('namespaces that are not there, or are none', async t => {
  await stopDaemon(lab.paths)
  const name = `${lab.name}-none`
  const config = otherConfig(yaml => yaml.setIn(['arms', 0, 'netns'], name))
  await only(doctor(config), [`fail namespace ${name}: is not there; ip netns add ${name}`])
  t.after(() => rmSync(`/run/netns/${name}`))
  writeFileSync(`/run/netns/${name}`, '')
  await only(doctor(config), [
    `fail namespace ${name}: /run/netns/${name} is no namespace; ip netns del ${name}; ip netns add ${name}`,
  ])
})

test('addresses that the kernel has too', async () => {
  await stopDaemon(lab.paths)
  const { netns } = lab.arm('client')
  await inClient('ip', 'addr', 'add', `${VIP}/32`, 'dev', 'lo')
  await only(doctor(otherConfig()), [
    `fail address ${VIP}: lo in ${netns} has it too, so the kernel keeps its packets; if it is the host's own, take it out of arms[], and if it is to be ours alone: ip -n ${netns} addr del ${VIP} dev lo`,
  ])
  const near = otherConfig(yaml => {
    for (const arm of [0, 1]) yaml.deleteIn(['arms', arm, 'netns'])
  })
  await only(doctor(near, lab.inside('client', [])), [
    `fail address ${VIP}: lo has it too, so the kernel keeps its packets; if it is the host's own, take it out of arms[], and if it is to be ours alone: ip addr del ${VIP} dev lo`,
  ])
  await inClient('ip', 'addr', 'del', `${VIP}/32`, 'dev', 'lo')
  await inClient('sysctl', '-q', '-w', 'net.ipv6.conf.lo.disable_ipv6=0')
  await inClient('ip', 'addr', 'add', `${VIP6}/128`, 'dev', 'lo', 'nodad')
  const both = otherConfig(yaml => yaml.addIn(['arms', 0, 'addresses'], `${VIP6}/64`))
  await only(doctor(both), [new RegExp(`^fail address ${VIP6}: lo in .* ip -n \\S+ addr del`)])
  await inClient('ip', 'addr', 'del', `${VIP6}/128`, 'dev', 'lo')
  await only(doctor(otherConfig()), [])
})

test('devices of the names of arms that the daemon cannot take', async () => {
  await stopDaemon(lab.paths)
  const { netns } = lab.arm('client')
  await inClient('ip', 'link', 'del', 'ext0')
  await only(doctor(otherConfig()), [])
  await inClient('ip', 'link', 'add', 'ext0', 'type', 'bridge')
  await only(doctor(otherConfig()), [
    `fail TAP ext0: a device of that name is there in ${netns} and is no TAP; add kind: nic to the arm, or rename the arm`,
  ])
  // A start that fails at it says the same: it may be the device by which the host is reached.
  const { code, stderr } = await run([TAPVS, 'run', ...otherConfig()])
  assert.equal(code, 1)
  assert.match(stderr, /ext0.*; add kind: nic to the arm, or rename the arm$/m)
  await inClient('ip', 'link', 'del', 'ext0')
  await inClient('ip', 'tuntap', 'add', 'dev', 'ext0', 'mode', 'tap')
  await only(doctor(otherConfig()), [
    /^fail TAP ext0: was made without multi_queue in \S+; ip -n \S+ link del ext0; ip -n \S+ tuntap add dev ext0 mode tap multi_queue$/,
  ])
  await inClient('ip', 'link', 'del', 'ext0')
})

test('a user without capabilities, and /dev/net/tun that is not for all', async () => {
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const unprivileged = [...nobody, '--inh-caps=-all', '--bounding-set=-all']
  const tun = join(folder, 'tun')
  await mustRun(['mknod', '-m', '600', tun, 'c', '10', '200'])
  const privately = [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    'mount --bind "$0" /dev/net/tun; exec "$@"',
    tun,
  ]
  const start = 'start it as root, or as systemd/tapvs.service does'
  await only(doctor(['--socket', join('/var', 'x.sock')], [...privately, ...unprivileged]), [
    `fail CAP_NET_ADMIN: missing; TAPs cannot be made or attached; ${start}`,
    `warn CAP_SYS_ADMIN: missing; arms with a netns cannot be opened; ${start}`,
    `warn CAP_BPF: missing; workers will hand over instead of being steered to; ${start}`,
    'fail tun: /dev/net/tun may not be opened by user 65534 (mode 600); chmod 666 /dev/net/tun, as udev does',
    'fail control socket: /var is not for user 65534 to write; set control.socket, or give the folder to that user',
  ])
  await mustRun(['chmod', '666', tun])
  const { findings } = await doctor([], [...privately, ...unprivileged])
  assert.deepEqual(
    findings.find(({ check }) => check === 'queues'),
    {
      level: 'warn',
      check: 'queues',
      text: 'not tried: unshare network: Operation not permitted',
      mend: 'run the doctor as root to see it tried',
    },
  )
})

test('no /dev/net/tun, and few files', async () => {
  await stopDaemon(lab.paths)
  const without = [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    'mount -t tmpfs none /dev/net; exec "$0" "$@"',
  ]
  await only(doctor(['--socket', join(folder, 'x.sock')], without), [
    /^fail tun: there is no \/dev\/net\/tun; /,
  ])
  // With 100 Node itself cannot read the program, one time in three; so it is the config that needs more.
  const many = otherConfig(yaml => yaml.set('workers', { count: 8 }))
  const said = await doctor(many, ['prlimit', '--nofile=150:150'])
  const failed = complaints(said).filter(line => line.startsWith('fail '))
  assert.equal(failed.length, 1, failed.join('\n'))
  assert.match(
    failed[0] ?? '',
    /^fail open files: 150 may be open, 176 are needed; raise it: ulimit -n 176, LimitNOFILE= under systemd$/,
  )
})

test('a config with mistakes: each of them, and what does not depend on it', async () => {
  const said = await doctor(otherConfig(yaml => yaml.setIn(['workers', 'count'], 99)))
  const lines = complaints(said)
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^fail config: .*:\d+:\d+ workers\.count: expected a whole number/)
  assert.ok(said.findings.some(({ check }) => check === 'steering'))
})
