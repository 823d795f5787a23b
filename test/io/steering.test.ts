/** Frames arrive at the queue that the attached program says, and how tun numbers queues. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { Steering } from '../../src/engine/steering.ts'
import { Assembler, OP, R0 } from '../../src/io/bpf.ts'
import * as native from '../../src/io/native.ts'
import { steeringProgram } from '../../src/io/steering-bpf.ts'
import { udp } from '../kit/datagram.ts'
import { concat, ethernet, type TcpFields, tcpFrame, vnetHeader } from '../kit/frame.ts'
import { close, inNs, ip, linkTarget, NS, namespacePerTest, open, TAP } from '../kit/tap.ts'

const { QUEUE_MULTI, TAP_PERSIST, VNET_HDR_BYTES } = native

const HOST = '10.77.0.1' // the kernel's end of the TAP
const PEER = '10.77.0.2' // a VIP of ours
const LIP = '10.77.0.3'
const PEER_MAC = '02:00:00:00:00:02'
const LIP_NUMBER = 0x0a4d0003
const HOST_NUMBER = 0x0a4d0001
const NONE = new Uint8Array()

const SLOT_BYTES = 70_000
const arena = new Uint8Array(2 * SLOT_BYTES)
const desc = Int32Array.of(0, SLOT_BYTES, 0, 0)
const burst = native.attach(arena, desc, null)

/** Puts every frame into one queue. */
function always(queue: number): Uint8Array {
  const asm = new Assembler()
  asm.alu(OP.MOV, R0, queue)
  asm.exit()
  return asm.bytes()
}

/** The TAP with so many queues, up, with addresses that need no ARP; => their descriptors, in order of attaching. */
function openQueues(n: number, flags = 0): number[] {
  const fds = Array.from({ length: n }, () => open(QUEUE_MULTI | flags))
  ip('addr', 'add', `${HOST}/24`, 'dev', TAP)
  ip('link', 'set', TAP, 'up')
  for (const address of [PEER, LIP])
    ip('neigh', 'add', address, 'lladdr', PEER_MAC, 'nud', 'permanent', 'dev', TAP)
  return fds
}

/** The next frame of a queue, or undefined. */
function read(fd: number): Uint8Array | undefined {
  const count = native.readBurst(burst, fd, 0, 1, SLOT_BYTES)
  assert.ok(count >= 0, `readBurst: ${count}`)
  return count === 0 ? undefined : arena.slice(VNET_HDR_BYTES, desc[2])
}

/** Reads queues, which are numbered as in `fds`, until they are empty. */
function* readAll(fds: number[]): Iterable<{ queue: number; frame: Uint8Array }> {
  for (const [queue, fd] of fds.entries()) {
    for (let frame = read(fd); frame; frame = read(fd)) yield { queue, frame }
  }
}

const be16 = (frame: Uint8Array, at: number) => frame[at] * 256 + frame[at + 1]
const be32 = (frame: Uint8Array, at: number) => new DataView(frame.buffer).getInt32(at)
const isOf = (protocol: number) => (frame: Uint8Array) =>
  be16(frame, 12) === 0x0800 && frame[23] === protocol
const isTcp = isOf(6)
const isUdp = isOf(17)
const isIcmp = isOf(1)

const sendUdp = () => inNs(`echo x > /dev/udp/${PEER}/9`)

/** The queue that a UDP datagram of the kernel comes to, numbered as in `fds`. */
function queueOfUdp(fds: number[]): number | undefined {
  for (const _ of readAll(fds));
  sendUdp()
  return [...readAll(fds)].find(({ frame }) => isUdp(frame))?.queue
}

/** Has a process in the namespace open TCP connections, whose SYNs nobody answers, while `watch` runs. */
async function whileConnecting<T>(
  connections: { host: string; port: number; localPort: number }[],
  watch: () => Promise<T>,
): Promise<T> {
  const code = `for (const to of ${JSON.stringify(connections)})
    require('node:net').connect({ ...to, localAddress: '${HOST}' }).on('error', () => {})`
  const args = ['netns', 'exec', NS, process.execPath, '-e', code]
  const client = spawn('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    return await watch()
  } finally {
    client.kill()
    await once(client, 'close')
  }
}

type Answer = Pick<TcpFields, 'flags' | 'seq' | 'ack' | 'payload'>

/** A segment of the peer's, to whoever sent `to`. */
function answer(to: Uint8Array, fields: Answer): Uint8Array {
  const dstMac = Buffer.from(to.subarray(6, 12)).toString('hex').replace(/..\B/g, '$&:')
  const tuple = { src: PEER, dst: HOST, sport: be16(to, 36), dport: be16(to, 34) }
  return tcpFrame({ ...fields, ...tuple, srcMac: PEER_MAC, dstMac })
}

function write(fd: number, frame: Uint8Array): void {
  arena.set(concat(vnetHeader(), frame), SLOT_BYTES)
  desc[3] = VNET_HDR_BYTES + frame.length
  assert.equal(native.writeBurst(burst, fd, 1, 1), 0)
}

const pause = () => new Promise(resolve => setTimeout(resolve, 20))

namespacePerTest()

test('each frame of the kernel arrives at its owner, everything else at queue 0', async () => {
  const steering = new Steering(4, 99)
  const fds = openQueues(4)
  native.steer(fds[2], steeringProgram(steering, [LIP_NUMBER]))
  sendUdp()
  inNs(`ping -c 1 -W 0.01 ${PEER} || true; echo x > /dev/udp/10.77.0.9/9`) // ICMP, ARP
  const connections = Array.from({ length: 200 }, (_, i) => [
    { host: PEER, port: 80, localPort: 20_000 + i },
    { host: LIP, port: 5000 + i, localPort: 30_000 + i },
  ]).flat()
  const arrived = new Map<string, number>()
  const deadline = Date.now() + 10_000
  await whileConnecting(connections, async () => {
    while (arrived.size < connections.length + 3 && Date.now() < deadline) {
      for (const { queue, frame } of readAll(fds)) {
        const lport = be16(frame, 36)
        const hasPorts = isTcp(frame) || isUdp(frame)
        let owner = 0
        if (hasPorts && be32(frame, 30) === LIP_NUMBER) owner = lport & 3
        else if (hasPorts) owner = steering.clientWorker(be32(frame, 26), be16(frame, 34))
        assert.equal(queue, owner, Buffer.from(frame).toString('hex'))
        const kind = `${be16(frame, 12)} ${frame[23]}`
        arrived.set(isTcp(frame) ? `${be16(frame, 34)} ${lport}` : kind, queue)
      }
      await pause()
    }
  })
  assert.equal(arrived.size, connections.length + 3, 'each SYN, and UDP, ICMP and ARP')
  assert.deepEqual([...new Set(arrived.values())].sort(), [0, 1, 2, 3])
})

test('an ICMP error of the kernel arrives where what it is about belongs, in either direction', () => {
  const steering = new Steering(4, 99)
  const fds = openQueues(4)
  native.steer(fds[2], steeringProgram(steering, [LIP_NUMBER]))
  inNs('echo 0 > /proc/sys/net/ipv4/icmp_ratemask')
  const hostMac = JSON.parse(ip('-json', 'link', 'show', TAP))[0].address
  const seen = new Set<number>()
  for (let i = 0; i < 20; i++) {
    for (const src of [PEER, LIP]) {
      const options = i % 2 === 0 ? new Uint8Array() : Uint8Array.of(1, 1, 1, 0)
      const ends = { src, sport: 5000 + i, dst: HOST, dport: 30_000 + i }
      for (const _ of readAll(fds));
      write(fds[0], ethernet(hostMac, PEER_MAC, 0x0800, udp(ends, options)))
      const errors = [...readAll(fds)].filter(({ frame }) => isIcmp(frame))
      assert.equal(errors.length, 1)
      const [{ queue, frame }] = errors
      const l4 = 14 + (frame[14] & 15) * 4
      assert.deepEqual([frame[l4], frame[l4 + 1]], [3, 3], 'port unreachable')
      assert.equal(frame[l4 + 8] & 15, 5 + options.length / 4, 'the options are quoted')
      const owner = src === LIP ? (5000 + i) & 3 : steering.clientWorker(HOST_NUMBER, 30_000 + i)
      assert.equal(queue, owner)
      seen.add(queue)
    }
  }
  assert.equal(seen.size, 4)
})

test('fragments are queue 0s', () => {
  const fds = openQueues(4)
  const steering = new Steering(4, 99)
  native.steer(fds[0], steeringProgram(steering, [LIP_NUMBER]))
  for (const address of [PEER, LIP])
    for (let i = 0; i < 8; i++) inNs(`head -c 3000 /dev/zero | cat > /dev/udp/${address}/9`)
  const fragments = [...readAll(fds)].filter(({ frame }) => (be16(frame, 20) & 0x3fff) !== 0)
  assert.ok(fragments.length >= 16)
  for (const { queue, frame } of fragments) {
    assert.ok(isUdp(frame))
    assert.equal(queue, 0)
  }
})

test('a queue has the number of its attaching; the last one takes the number of one that is closed', () => {
  const [a, b, c, d] = openQueues(4)
  const all = [a, b, c, d]
  for (const queue of [0, 1, 2, 3]) {
    native.steer(a, always(queue))
    assert.equal(queueOfUdp(all), queue)
  }
  native.steer(a, always(1))
  sendUdp()
  close(b)
  assert.deepEqual([...readAll([a, c, d])], [], 'what waited in it is lost')
  const now = [a, d, c]
  for (const queue of [0, 1, 2]) {
    native.steer(a, always(queue))
    assert.equal(queueOfUdp(now), queue)
  }
  native.steer(a, always(7))
  assert.equal(queueOfUdp(now), 1, '7 modulo 3')
  const again = [...now, open(QUEUE_MULTI)]
  assert.equal(queueOfUdp(again), 3, 'a queue attached later is the last: 7 modulo 4')
})

test('the program stays with a persistent TAP, without its process, until it is taken away', () => {
  const fds = openQueues(2, TAP_PERSIST)
  native.steer(fds[0], always(1))
  for (const fd of fds) close(fd)
  const reopened = [open(QUEUE_MULTI), open(QUEUE_MULTI)]
  // Nine datagrams from ports of nine kinds: by their hashes, they would all come to one queue once in 256 runs.
  for (let i = 0; i < 9; i++) assert.equal(queueOfUdp(reopened), 1)
  native.steer(reopened[0], NONE)
  const queues = new Set<number | undefined>()
  for (let i = 0; i < 40; i++) queues.add(queueOfUdp(reopened))
  assert.deepEqual([...queues].sort(), [0, 1])
  native.steer(reopened[0], NONE)
})

test('without a program a flow comes to the queue that wrote it, but the first answer by its hash', async () => {
  const fds = openQueues(4)
  const next = async () => {
    for (let i = 0; i < 500; i++, await pause())
      for (const arrived of readAll(fds)) if (isTcp(arrived.frame)) return arrived
    return assert.fail('no TCP frame came')
  }
  await whileConnecting([{ host: PEER, port: 80, localPort: 20_000 }], async () => {
    const { queue: byHash, frame: syn } = await next()
    const ack = (be32(syn, 38) + 1) | 0
    const writer = (byHash + 1) % 4
    write(fds[writer], answer(syn, { flags: 'S.', seq: 0, ack }))
    assert.equal((await next()).queue, byHash, 'the kernel answers before it learns the flow')
    write(fds[writer], answer(syn, { flags: 'P.', seq: 1, ack, payload: Uint8Array.of(1) }))
    assert.equal((await next()).queue, writer)
  })
})

test('what cannot be loaded or attached says why and leaves no descriptor', () => {
  const [fd] = openQueues(1)
  const asm = new Assembler()
  asm.exit()
  assert.throws(() => native.steer(fd, asm.bytes()), {
    code: 'EACCES',
    message: /^BPF_PROG_LOAD:\n[\s\S]*R0 !read_ok[\s\S]*: Permission denied$/,
  })
  assert.throws(() => native.steer(-1, always(0)), { code: 'EBADF' })
  assert.throws(() => native.steer(fd, new Uint8Array(9)), TypeError)
  ip('link', 'del', TAP)
  assert.throws(() => native.steer(fd, always(0)), { code: 'EBADFD' })
  const links = readdirSync('/proc/self/fd').map(number => linkTarget(`/proc/self/fd/${number}`))
  assert.deepEqual(
    links.filter(target => target.includes('bpf')),
    [],
  )
})
