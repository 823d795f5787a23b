/**
 * TAPs for tests of the native addon against the kernel of this machine: every test opens them in a
 * network namespace of its own. That needs root and /dev/net/tun; without them the tests fail, they
 * do not skip.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readlinkSync } from 'node:fs'
import { after, afterEach, before, beforeEach, type TestContext } from 'node:test'
import * as native from '../../src/io/native.ts'

export const NS = `tapvs-native-${process.pid}`
export const PATH = `/run/netns/${NS}`
export const TAP = 'arm0'

const fds = new Set<number>()

export const ip = (...args: string[]) =>
  execFileSync('ip', ['-n', NS, ...args], { encoding: 'utf8' })
export const inNs = (script: string) =>
  execFileSync('ip', ['netns', 'exec', NS, 'bash', '-c', script])

export const linkTarget = (path: string) => {
  try {
    return readlinkSync(path)
  } catch {
    return '' // the descriptor that listed the folder is gone
  }
}

/** Has the descriptor closed after the test. */
export function own(fd: number): number {
  fds.add(fd)
  return fd
}

/** A queue of TAP in the test's namespace. */
export function open(flags = 0): number {
  return own(native.openTap(TAP, PATH, flags))
}

export function close(fd: number): void {
  fds.delete(fd)
  native.closeFd(fd)
}

// An open descriptor would keep the TAP, and the namespace with it, alive behind its deleted name.
function cleanUp(): void {
  for (const fd of fds) native.closeFd(fd)
  fds.clear()
  spawnSync('ip', ['netns', 'del', NS], { stdio: 'ignore' })
}

/** Another process that has a queue of the TAP. */
export async function holder(t: TestContext, netns = PATH): Promise<ChildProcess> {
  const url = new URL('../../src/io/native.js', import.meta.url).href
  const script = `const { openTap } = await import(${JSON.stringify(url)})
    openTap(${JSON.stringify(TAP)}, ${JSON.stringify(netns)}, ${native.QUEUE_MULTI})
    process.stdout.write('holds')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

/** Makes the namespace before each test of the file and takes it down after it. */
export function namespacePerTest(): void {
  before(() => {
    assert.equal(process.getuid?.(), 0, 'these tests make network namespaces: run them as root')
    assert.ok(existsSync('/dev/net/tun'), 'these tests need TAP devices: /dev/net/tun is missing')
  })
  beforeEach(() => {
    execFileSync('ip', ['netns', 'add', NS])
    // Else router solicitations come among the frames.
    inNs('echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6')
  })
  afterEach(cleanUp)
  after(cleanUp)
  process.on('exit', cleanUp)
}

/** Every way a burst can go: by io_uring, by rings that it does not fit into, by a call for each frame. */
export function waysOfBursts(): { name: string; ring: native.Ring | null }[] {
  const rings = [64, 2, 1].map(entries => ({
    name: `ring of ${entries}`,
    ring: native.openRing(entries, 0),
  }))
  // As the arms have it: now by the ring, now one by one.
  rings.push({ name: 'ring from 4 frames on', ring: native.openRing(64, 4) })
  return [...rings, { name: 'one by one', ring: null }]
}
