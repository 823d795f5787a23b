/** What bursts by io_uring must not lose: order, frames that come meanwhile, and a machine that allows no ring. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { CHECKOUT } from '../../netns/topology.ts'
import * as native from '../../src/io/native.ts'
import { ip, NS, namespacePerTest, open, TAP, waysOfBursts } from '../kit/tap.ts'

const { VNET_HDR_BYTES } = native
const SLOTS = 64
const SLOT_BYTES = 2048
/** Number of the last datagram of a flood. */
const FLOOD = 20_000
/** Of `ip -s link`: packets to the TAP that its queue had no room for. */
const DROPPED = /TX:.*\n\s+\d+\s+\d+\s+\d+\s+(\d+)/
const HOST = [10, 77, 0, 1]
const OUR_MAC = [2, 0, 0, 0, 0, 2]
const MODULE = new URL('../../src/io/native.js', import.meta.url).href
const RINGS = new URL('../../src/io/ring.js', import.meta.url).href

const arena = new Uint8Array(SLOTS * SLOT_BYTES)
const desc = new Int32Array(2 * SLOTS)
const bytes = new DataView(arena.buffer)

namespacePerTest()

function openUp(): number {
  const fd = open()
  ip('addr', 'add', `${HOST.join('.')}/24`, 'dev', TAP)
  ip('link', 'set', TAP, 'up')
  for (let slot = 0; slot < SLOTS; slot++) desc[slot] = slot * SLOT_BYTES
  return fd
}

/** An ARP request of 10.77.0.`asker`, which the kernel answers while it is written. */
function putArpRequest(slot: number, asker: number): void {
  const request = [
    ...Array(VNET_HDR_BYTES).fill(0),
    ...[...Array(6).fill(255), ...OUR_MAC, 8, 6],
    ...[0, 1, 8, 0, 6, 4, 0, 1, ...OUR_MAC, 10, 77, 0, asker, 0, 0, 0, 0, 0, 0, ...HOST],
  ]
  arena.set(request, desc[slot])
  desc[SLOTS + slot] = request.length
}

for (const { name, ring } of waysOfBursts()) {
  const burst = native.attach(arena, desc, ring)

  test(`writes keep the order of the slots, whatever fails between them (${name})`, () => {
    const fd = openUp()
    const askers = Array.from({ length: 40 }, (_, i) => i + 2)
    askers.forEach((asker, slot) => {
      putArpRequest(slot, asker)
    })
    desc[7] = -1
    desc[SLOTS + 8] = VNET_HDR_BYTES
    assert.equal(native.writeBurst(burst, fd, 0, askers.length), 2)
    assert.equal(desc[SLOTS + 7], -constants.errno.EFAULT)
    assert.equal(desc[SLOTS + 8], -constants.errno.EINVAL)
    desc[7] = 7 * SLOT_BYTES
    assert.equal(native.readBurst(burst, fd, 0, SLOTS, SLOT_BYTES), 38)
    const answered = askers.filter((_, slot) => slot !== 7 && slot !== 8)
    // The target's address of a reply is whoever asked.
    const targets = answered.map((_, slot) => arena[desc[slot] + VNET_HDR_BYTES + 14 + 27])
    assert.deepEqual(targets, answered)
  })

  test(`a flood that comes while it is read arrives whole and in order (${name})`, async () => {
    const fd = openUp()
    ip('neigh', 'add', '10.77.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', TAP)
    const sender = flood(FLOOD)
    try {
      let last = -1
      let datagrams = 0
      // What the queue had no room for, the kernel counts.
      const dropped = () => Number(DROPPED.exec(ip('-s', 'link', 'show', TAP))?.[1])
      const deadline = Date.now() + 30_000
      for (let count = 0; count > 0 || datagrams + dropped() <= FLOOD; ) {
        assert.ok(Date.now() < deadline, `${datagrams} datagrams came, ${dropped()} were dropped`)
        native.wait(Int32Array.of(fd), new Int32Array(1), 1, 100)
        count = native.readBurst(burst, fd, 0, SLOTS, SLOT_BYTES)
        for (let slot = 0; slot < count; slot++) {
          const number = bytes.getUint32(desc[slot] + VNET_HDR_BYTES + 42)
          assert.equal(desc[SLOTS + slot], VNET_HDR_BYTES + 42 + 4)
          assert.ok(number > last, `${number} after ${last}`)
          last = number
          datagrams++
        }
      }
      assert.equal(datagrams + dropped(), FLOOD + 1)
    } finally {
      sender.kill()
      await once(sender, 'close')
    }
  })
}

/** Numbered datagrams to 10.77.0.2, 0 to `last`, as fast as they can be sent; the last one when there is room for it. */
function flood(last: number): ChildProcess {
  const program = `
    const socket = require('node:dgram').createSocket('udp4')
    socket.connect(9, '10.77.0.2', function send(number = 0) {
      if (number > ${last}) return socket.close()
      const data = Buffer.alloc(4)
      data.writeUInt32BE(number)
      const next = () => send(number + 1)
      socket.send(data, () => (number === ${last} - 1 ? setTimeout(next, 300) : next()))
    })`
  return spawn('ip', ['netns', 'exec', NS, process.execPath, '-e', program], { stdio: 'inherit' })
}

/** Entries of the ring that the test below opens: a number that no other ring of the process has. */
const ENTRIES = 32

/** Descriptors of rings of that size. Not any ring: libuv has some of its own in each thread, from Node 22 on. */
const openRings = () =>
  readdirSync('/proc/self/fd').filter(fd => {
    try {
      if (!readlinkSync(`/proc/self/fd/${fd}`).includes('io_uring')) return false
      const mask = /^SqMask:\s+(\S+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))
      return Number(mask?.[1]) === ENTRIES - 1
    } catch {
      return false // the descriptor that listed the folder is gone
    }
  })

test('a ring ends with the thread that opened it', async () => {
  assert.deepEqual(openRings(), [])
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData).then(native => {
      const ring = native.openRing(${ENTRIES}, 0)
      native.attach(new Uint8Array(64), new Int32Array(2), ring)
      parentPort.postMessage(0)
      parentPort.once('message', () => parentPort.close())
    })`
  const worker = new Worker(code, { eval: true, workerData: MODULE })
  try {
    await once(worker, 'message')
    assert.equal(openRings().length, 1)
    worker.postMessage(0)
    await once(worker, 'exit')
  } finally {
    await worker.terminate()
  }
  assert.deepEqual(openRings(), [])
})

test('a ring reads and writes, and does nothing else for whoever gets at it', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-ring-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'ring-try')
  execFileSync('cc', ['-O2', '-Wall', '-o', program, join(CHECKOUT, 'test/kit/ring-try.c')])
  const ring = native.openRing(ENTRIES, 0)
  const [fd = ''] = openRings()
  const said = execFileSync(program, [String(process.pid), fd], { encoding: 'utf8' })
  assert.deepEqual(said.trim().split('\n'), [
    // Of descriptor -1; they were carried out.
    ...['read: EBADF', 'write: EBADF'],
    ...['nop', 'open', 'connect', 'send', 'unlink'].map(name => `${name}: EACCES`),
    ...['read that lingers', 'read and more'].map(name => `${name}: EACCES`),
    'register: EACCES',
  ])
  assert.ok(ring)
})

test('where no ring can be had the arms are told, once and why', () => {
  // No descriptor is left for it, which looks the same from here as a kernel or a sandbox that refuses.
  const program = `
    const { ringIfAllowed } = await import('${RINGS}')
    const { execFileSync } = await import('node:child_process')
    execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=3:4096'])
    console.log(ringIfAllowed(text => console.log(text)))`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.equal(
    output,
    'no io_uring (EMFILE: io_uring_setup: Too many open files): each frame takes a system call\nnull\n',
  )
})
