/**
 * A program of its own, for a heap of its own: drives a million frames through an engine's steady state and prints, as
 * one line of JSON, what the garbage collector did meanwhile. Run by test/engine/alloc.test.ts with --expose-gc and the
 * smallest young generation; all frames are made before, and the driver itself allocates nothing.
 *
 *   node --expose-gc --max-semi-space-size=1 dist/test/kit/million-frames.js [frames]
 */

import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { adjust, diff16 } from '../../src/wire/checksum.ts'
import { type DatagramFields, datagram, offloadUdp } from './datagram.ts'
import { concat, ethernet, offload, type TcpFields, tcpFrame, vnetHeader } from './frame.ts'
import { parseOptions } from './notation.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from './stand.ts'

const MEASURED = Number(process.argv[2] ?? 1_000_000)
const WARM_UP = 400_000
/** Connections that stay established, each with a client port of its own from 10000 on. */
const LASTING = 2000
/** Client ports of connections that come and go, from 30000 on. */
const PASSING = 4000
/** Frames per ms of the engine's clock, and per burst. */
const FRAMES_PER_MS = 10
const BURST = 32

const CONFIG = `${SEED_CONFIG}  - address: 202.108.10.1
    port: 6379
    protocol: udp
    real_servers: [{ address: 192.168.168.2, port: 53 }]
udp: { uoa: opp, timeouts: { oneway: 3 } }
`
const CLIENT = { src: '202.108.10.2', sport: 0, dst: '202.108.10.1', dport: 6379 }
const RS = { src: '192.168.168.2', sport: 6379, dst: '192.168.168.7', dport: 0 }
const TCP_AT = 10 + 14 + 20

/** Frames as templates: the port, 0 at first, is written into the arena. */
class Templates {
  readonly #stand: Stand

  constructor(stand: Stand) {
    this.#stand = stand
  }

  up(change: Partial<TcpFields>, options = '', gsoSize = -1): Uint8Array {
    return this.#frame({ ...CLIENT, ...fields(change, options) }, CLIENT_MAC, 'dpdk0', gsoSize)
  }

  down(change: Partial<TcpFields>, options = '', gsoSize = -1): Uint8Array {
    return this.#frame({ ...RS, ...fields(change, options) }, RS_MAC, 'dpdk1', gsoSize)
  }

  datagram(change: Partial<DatagramFields>): Uint8Array {
    const packet = datagram({ ...CLIENT, payload: new Uint8Array(100), ...change })
    return ethernet(this.#stand.macOf('dpdk0'), CLIENT_MAC, 0x0800, packet)
  }

  #frame(segment: TcpFields, srcMac: string, arm: string, gsoSize: number): Uint8Array {
    const frame = tcpFrame({ ...segment, srcMac, dstMac: this.#stand.macOf(arm) })
    return gsoSize < 0 ? concat(vnetHeader(), frame) : offload(frame, gsoSize)
  }
}

function fields(change: Partial<TcpFields>, options: string) {
  const bytes = options === '' ? new Uint8Array() : parseOptions(options)
  return { flags: '.', seq: 1001, ack: 9101, ...change, options: bytes }
}

class Driver {
  readonly engine: Engine
  readonly #arena: Uint8Array
  readonly #syn: Uint8Array
  readonly #synAck: Uint8Array
  readonly #firstAck: Uint8Array
  readonly #finUp: Uint8Array
  readonly #finDown: Uint8Array
  readonly #traffic: Uint8Array[]
  /** Datagrams of the client: with UOA at first, without a checksum, too large for UOA, several in a frame. */
  readonly #datagrams: Uint8Array[]
  /** lport of each lasting conn, and of each passing one, read from the SYN that left. */
  readonly #lports = new Uint16Array(65_536)
  #now: number
  #turn = 0
  frames = 0

  constructor() {
    const stand = new Stand(CONFIG, { choose: () => 4001 }).resolveRss()
    const make = new Templates(stand)
    this.engine = stand.engine
    this.engine.trace.log(false)
    this.#now = stand.now
    this.#arena = new Uint8Array(this.engine.frames.pkt.buffer)
    this.#syn = make.up({ flags: 'S', seq: 1000 }, 'mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7')
    this.#synAck = make.down({ flags: 'S.', seq: 9000, ack: 4002 }, 'mss 1460,nop,nop,sackOK')
    this.#firstAck = make.up({ ack: 9001 })
    this.#finUp = make.up({ flags: 'F.' })
    this.#finDown = make.down({ flags: 'F.' })
    // Even ones from the client, odd ones from the RS: bare ACKs, requests with TOA and without, SACK, GSO.
    this.#traffic = [
      make.up({ payload: new Uint8Array(1400) }),
      make.down({ payload: new Uint8Array(1400) }),
      make.up({ ack: 9001, payload: new Uint8Array(76) }),
      make.down({}, 'nop,nop,sack 2 {5000:6000}{7000:8000}'),
      make.up({}, 'nop,nop,TS val 1 ecr 2,exp-1234 01020304'),
      make.down({}, 'nop,nop,TS val 1 ecr 2'),
      make.up({ ack: 9001, payload: new Uint8Array(5000) }, '', 1400),
      make.down({ payload: new Uint8Array(5000) }, '', 1400),
      make.up({ ack: 9001 }, 'nop,nop,sack 1 {1:2}', 0),
      make.down({}, '', 0),
    ]
    this.#datagrams = [{}, { checksum: 0 }, { payload: new Uint8Array(1470) }].map(change =>
      concat(vnetHeader(), make.datagram(change)),
    )
    this.#datagrams.push(offloadUdp(make.datagram({ payload: new Uint8Array(4000) }), 1000))
    for (let i = 0; i < LASTING; i++) this.#open(10_000 + i)
  }

  /** Runs `count` frames: lasting connections talk, and every tenth step a passing one lives a whole life. */
  run(count: number): void {
    for (const end = this.frames + count; this.frames < end; ) {
      const turn = this.#turn++
      const port = 10_000 + (turn % LASTING)
      const template = this.#traffic[turn % 10]
      if (turn & 1) this.#down(template, this.#lports[port])
      else this.#up(template, port)
      if (turn % 5 === 0) this.#datagram(turn)
      if (turn % 50 === 0) this.#life(30_000 + ((turn / 50) % PASSING))
    }
  }

  /** Each port has some in a row, and a connection that ends before its next turn. */
  #datagram(turn: number): void {
    const which = (turn / 5) % this.#datagrams.length
    const port = 50_000 + (Math.floor(turn / 100) % PASSING)
    this.#frame(0, this.#datagrams[which], 0, port, 6)
  }

  #life(port: number): void {
    this.#open(port)
    this.#up(this.#traffic[2], port)
    this.#down(this.#traffic[1], this.#lports[port])
    this.#up(this.#finUp, port)
    this.#down(this.#finDown, this.#lports[port])
    this.#up(this.#firstAck, port)
  }

  #open(port: number): void {
    const slot = this.#up(this.#syn, port)
    const { pkt, start } = this.engine.frames
    // The slot is free again but its bytes are still there: the SYN as it left, lport first in its TCP header.
    this.#lports[port] = pkt.getUint16(start[slot] + TCP_AT)
    this.#down(this.#synAck, this.#lports[port])
    this.#up(this.#firstAck, port)
  }

  #up(template: Uint8Array, port: number): number {
    return this.#frame(0, template, 0, port)
  }

  #down(template: Uint8Array, lport: number): number {
    return this.#frame(1, template, 2, lport)
  }

  #frame(arm: number, template: Uint8Array, portAt: number, port: number, sumAt = 16): number {
    const { frames, arms, counters } = this.engine
    const slot = frames.take()
    const at = frames.start[slot]
    this.#arena.set(template, at)
    frames.length[slot] = template.length
    frames.pkt.setUint16(at + TCP_AT + portAt, port)
    // A partial checksum (the header's first byte says so) does not cover ports.
    const sum = at + TCP_AT + sumAt
    if (template[0] === 0 && frames.pkt.getUint16(sum) !== 0)
      adjust(frames.pkt, sum, diff16(0, port))
    counters.rx(arm, template.length)
    const verdict = this.engine.input(arms[arm], slot, this.#now | 0)
    if (verdict >= 0) counters.tx(verdict, frames.length[slot])
    else if (verdict !== PARKED) counters.rxDrop(arm, -verdict, slot)
    if (verdict !== PARKED) frames.release(slot)
    this.frames++
    if (this.frames % FRAMES_PER_MS === 0) this.#now++
    if (this.frames % BURST === 0) this.#endOfBurst()
    return slot
  }

  #endOfBurst(): void {
    this.engine.tick(this.#now | 0)
    for (let i = 0; i < this.engine.arms.length; i++) {
      const arm = this.engine.arms[i]
      for (let j = 0; j < arm.outboxCount; j++) this.engine.frames.release(arm.outbox[j])
      arm.outboxCount = 0
    }
  }
}

const collections: { at: number; kind: number }[] = []
const observer = new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    collections.push({
      at: entry.startTime,
      kind: (entry as unknown as { detail: { kind: number } }).detail.kind,
    })
  }
})
observer.observe({ entryTypes: ['gc'] })

const driver = new Driver()
driver.run(WARM_UP)
globalThis.gc?.()
const events = driver.engine.counters.events.slice()
const heap = process.memoryUsage().heapUsed
const from = performance.now()
driver.run(MEASURED)
const to = performance.now()
const grown = process.memoryUsage().heapUsed - heap
// The observer hears of collections from the event loop.
await sleep(50)
globalThis.gc?.()
await sleep(50)

console.log(
  JSON.stringify({
    collections: collections.filter(({ at }) => at >= from && at <= to),
    observed: collections.length,
    heapGrown: grown,
    nsPerFrame: Math.round(((to - from) * 1e6) / MEASURED),
    counts: Array.from(driver.engine.counters.events, (n, i) => n - events[i]),
    conns: driver.engine.conns.table.used,
    freeSlots: driver.engine.frames.free - driver.engine.frames.slots,
  }),
)
