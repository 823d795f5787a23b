/**
 * The filters of system calls do what they say: nobody who has got into a packet thread opens, starts or connects anything
 * from there, and nobody who has got into the daemon does what no part of it needs.
 * Holds invariant I26.
 */

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { BURST } from '../../src/engine/frames.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-filter-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const program = join(folder, 'filtered')
const sources = ['test/kit/filtered.c', 'src/io/native/filter.c'].map(path => join(CHECKOUT, path))
execFileSync('cc', ['-O2', '-Wall', '-Werror', '-pthread', '-o', program, ...sources])

/** => `ok`, the name of an error, or that of the signal that ended it */
function tried(how: 'thread' | 'process' | 'none', call: string): string {
  const { status, signal, stdout, stderr } = spawnSync(program, [how, call], { encoding: 'utf8' })
  assert.equal(stderr, '', call)
  assert.ok(signal !== null || status === 0, `${call}: status ${status}`)
  return signal ?? stdout.trim()
}

/** In a packet thread, and anywhere in the daemon. */
const ROWS: [call: string, inThread: string, inProcess: RegExp][] = [
  ['read and write', 'ok', /^ok$/],
  ['map memory', 'ok', /^ok$/],
  ['signal itself', 'ok', /^ok$/],
  ['signal another', 'EPERM', /^ok$/],
  ['map a file', 'EPERM', /^(ok|ENODEV|EACCES)$/],
  ['kill', 'EPERM', /^ok$/],
  ['open', 'EPERM', /^ok$/],
  ['socket', 'EPERM', /^ok$/],
  ['sendmsg', 'EPERM', /^ok$/],
  ['ioctl', 'EPERM', /^ok$/],
  ['dup', 'EPERM', /^ok$/],
  ['fork', 'EPERM', /^ok$/],
  ['clone3', 'EPERM', /^ENOSYS$/],
  ['io_uring_setup', 'EPERM', /^(EFAULT|EPERM|ENOSYS)$/],
  ['io_uring_setup of libuv', 'EPERM', /^EPERM$/],
  ['io_uring_enter', 'EBADF', /^(EBADF|ENOSYS)$/],
  ['io_uring_enter of another', 'EPERM', /^(EOPNOTSUPP|EBADF|ENOSYS)$/],
  ['io_uring_register', 'EPERM', /^(EBADF|EINVAL|EPERM|ENOSYS)$/],
  ['memfd_create', 'EPERM', /^ok$/],
  ['dumpable', 'EPERM', /^ok$/],
  ['setuid', 'EPERM', /^ok$/],
  ['unshare net', 'EPERM', /^ok$/],
  ['unshare user', 'EPERM', /^EPERM$/],
  ['unshare mount and net', 'EPERM', /^EPERM$/],
  ['clone user', 'EPERM', /^EPERM$/],
  ['setns net', 'EPERM', /^EBADF$/],
  ['setns any', 'EPERM', /^EPERM$/],
  ['execve', 'SIGSYS', /^$/],
  ['bpf', 'SIGSYS', /^(EINVAL|EFAULT|E2BIG)$/],
  ['ptrace', 'SIGSYS', /^EPERM$/],
  ['process_vm_readv', 'SIGSYS', /^EPERM$/],
  ['mount', 'SIGSYS', /^EPERM$/],
  ['chroot', 'SIGSYS', /^EPERM$/],
  ['init_module', 'SIGSYS', /^EPERM$/],
  ['kexec_load', 'SIGSYS', /^EPERM$/],
  ['reboot', 'SIGSYS', /^EPERM$/],
  ['keyctl', 'SIGSYS', /^EPERM$/],
  ['perf_event_open', 'SIGSYS', /^EPERM$/],
  ['userfaultfd', 'SIGSYS', /^EPERM$/],
]

test('a packet thread keeps what it needs; the rest is refused, and what only an attacker asks for ends the process', () => {
  const found = ROWS.map(([call]) => [call, tried('thread', call)])
  assert.deepEqual(
    found,
    ROWS.map(([call, expected]) => [call, expected]),
  )
})

test('threads that were there before are confined with the process', () => {
  for (const [call, , expected] of ROWS) assert.match(tried('process', call), expected, call)
})

test('by itself the machine would not have refused it', () => {
  for (const call of ['ptrace', 'keyctl', 'userfaultfd', 'unshare user', 'clone user'])
    assert.notEqual(tried('none', call), 'EPERM', call)
})

test('rings that may be made are those of packet threads', () => {
  const source = readFileSync(join(CHECKOUT, 'src/io/native/filter.c'), 'utf8')
  assert.equal(/^#define RING_ENTRIES (\d+)$/m.exec(source)?.[1], `${BURST}`)
})

/** What the generic table of calls, which is that of arm64, has in place of calls that only older machines have. */
const INSTEAD: Record<string, string> = {
  poll: 'ppoll',
  epoll_wait: 'epoll_pwait',
  time: 'clock_gettime',
  // It has that one; headers of some age do not.
  kexec_file_load: 'kexec_load',
}

test('a call that arm64 lacks has another one in its place', () => {
  const source = readFileSync(join(CHECKOUT, 'src/io/native/filter.c'), 'utf8')
  const lacking = [...source.matchAll(/^#ifdef __NR_(\w+)$/gm)].map(([, name]) => name)
  assert.deepEqual(lacking.sort(), Object.keys(INSTEAD).sort())
  // All others are there, or scripts/arm64 would not compile it.
  const everywhere = source.replaceAll(/^#if(?:def)? \S*__(?:NR_|x86)[\s\S]*?^#endif$/gm, '')
  for (const name of Object.values(INSTEAD)) assert.match(everywhere, new RegExp(`__NR_${name},`))
  for (const name of lacking) assert.doesNotMatch(everywhere, new RegExp(`__NR_${name},`))
})

if (process.arch === 'x64') {
  test('the numbers of x32 are no way around', () => {
    assert.equal(tried('thread', 'x32'), 'SIGSYS')
    assert.equal(tried('process', 'x32'), 'EPERM')
  })
}
