/**
 * The rights that the daemon has and needs: as systemd/tapvs.service starts it, another user with two capabilities and
 * no more; and as root, whose packet threads give up theirs.
 * Holds invariant I20.
 */

import assert from 'node:assert/strict'
import { chownSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mustRun, until } from '../../netns/processes.ts'
import { redisPid } from '../../netns/real-servers.ts'
import { labConfig, labForTests, RIP, scratchFolder, VIP } from '../kit/lab.ts'
import { startOwnDaemon } from '../kit/own-daemon.ts'
import { underUnitFilter } from '../kit/syscall-filter.ts'

const folder = scratchFolder()
const lab = labForTests('rights', {}, 'tap')

const NOBODY = 65_534
const NET_ADMIN = 1n << 12n
const SYS_ADMIN = 1n << 21n

const untilServed = () =>
  until('an answer through the VIP', { limitMs: 5000, everyMs: 50 }, async () => {
    const { stdout } = await lab.client(['redis-cli', '-h', VIP, 'ping'], { timeoutMs: 3000 })
    return stdout === 'PONG\n' || undefined
  })

/** How many filters of system calls a thread is under. */
function filters(pid: number, tid: number): number {
  const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8')
  assert.match(status, /^Seccomp:\t2$/m)
  assert.match(status, /^NoNewPrivs:\t1$/m)
  return Number(/^Seccomp_filters:\t(\d+)$/m.exec(status)?.[1])
}

/** Rings of io_uring that a process has. */
function rings(pid: number): number {
  const folder = `/proc/${pid}/fd`
  const target = (fd: string) => {
    try {
      return readlinkSync(join(folder, fd))
    } catch {
      return '' // closed meanwhile
    }
  }
  return readdirSync(folder).filter(fd => target(fd).includes('io_uring')).length
}

/** A line of /proc/PID/task/TID/status as hexadecimal. */
function rights(pid: number, tid: number, name: string): bigint {
  const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8')
  return BigInt(`0x${new RegExp(`^${name}:\\t(\\w+)$`, 'm').exec(status)?.[1]}`)
}

const threads = (pid: number) => readdirSync(`/proc/${pid}/task`).map(Number)

async function twoWorkers(): Promise<void> {
  const config = labConfig(folder, 'two', yaml => {
    yaml.setIn(['workers', 'count'], 2)
    yaml.setIn(['services', 0, 'check'], { type: 'redis', interval: 0.2, timeout: 0.3 })
  })
  await lab.up({ config })
}

/** ProtectProc=invisible and ProcSubset=pid of the unit. */
const PROC = 'mount -t proc -o hidepid=invisible,subset=pid proc /proc'

test('as the unit starts it: another user, two capabilities, few system calls, little of /proc', async t => {
  await twoWorkers()
  const both = '+net_admin,+sys_admin'
  // A node of its own that everybody may open, as udev makes it; only this process and its children see it.
  const tun = join(folder, 'tun')
  await mustRun(['mknod', '-m', '666', tun, 'c', '10', '200'])
  chownSync(lab.paths.folder, NOBODY, NOBODY)
  const daemon = await startOwnDaemon(t, lab, {
    before: [
      ...[
        'unshare',
        '--mount',
        'sh',
        '-ec',
        `mount --bind "$0" /dev/net/tun; ${PROC}; exec "$@"`,
        tun,
      ],
      ...['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs'],
      ...[`--inh-caps=-all,${both}`, `--ambient-caps=-all,${both}`, `--bounding-set=-all,${both}`],
      ...underUnitFilter(folder),
    ],
  })
  const { pid } = daemon
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t65534\t65534\t65534\t65534$/m)
  for (const set of ['CapEff', 'CapPrm', 'CapBnd'])
    assert.equal(rights(pid, pid, set), NET_ADMIN | SYS_ADMIN, set)
  await untilServed()
  // Steering needs a BPF program in the kernel, the burst an io_uring; neither was refused.
  assert.doesNotMatch(daemon.said(), /hands over|io_uring/)
  assert.doesNotMatch(daemon.said(), /no filter of system calls/)
  // The unit's, the keeper's, the daemon's, and that of packet threads.
  const counts = threads(pid).map(tid => filters(pid, tid))
  assert.equal(filters(pid, pid), 3)
  assert.deepEqual(
    counts.filter(count => count !== 3),
    [4, 4],
  )
  // And the namespace of the checks could be made.
  const redis = redisPid(lab.paths, lab.arm('rs'), RIP)
  assert.ok(redis)
  process.kill(redis, 'SIGSTOP')
  try {
    await daemon.says(/is down: .*the answer to PING timed out after 0\.3 s/)
  } finally {
    process.kill(redis, 'SIGCONT')
  }
  await daemon.says(/is up: 2 checks passed/)

  // A lost device is opened anew long after the start.
  await mustRun(lab.inside('client', ['ip', 'link', 'del', 'ext0']))
  await daemon.says(/arm ext0 is back/)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('as root, packet threads have no rights and few system calls, and serve', async t => {
  await lab.down()
  await twoWorkers()
  const daemon = await startOwnDaemon(t, lab)
  await untilServed()
  const bare = threads(daemon.pid).filter(tid => rights(daemon.pid, tid, 'CapPrm') === 0n)
  assert.equal(bare.length, 2)
  for (const tid of bare) assert.equal(rights(daemon.pid, tid, 'CapEff'), 0n)
  for (const tid of threads(daemon.pid))
    assert.equal(filters(daemon.pid, tid), bare.includes(tid) ? 3 : 2)
  // None of libuv's, which do whatever they are asked for.
  assert.equal(rings(daemon.pid), 2)
  assert.doesNotMatch(daemon.said(), /hands over|io_uring|no filter/)
  assert.notEqual(rights(daemon.pid, daemon.pid, 'CapEff'), 0n)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})
