/**
 * Clients of a rig, by number: each has one connection, whose address and port follow from the number and whose other
 * half (RIP, LIP, ports) is learned from the SYN as it left. Kept apart from the engine's memory, so that
 * preparing a frame does not bring the connection's record into a cache.
 */

import { BURST } from '../../src/engine/frames.ts'
import { ETH } from '../../src/wire/ethernet.ts'
import { FLAG, TCP } from '../../src/wire/tcp.ts'
import { VNET } from '../../src/wire/vnet-hdr.ts'
import { CLIENT_MAC, type Rig, RS_MAC } from './rig.ts'
import { FOUR, OPTIONS, Segment, type SegmentFields, type Stamp } from './segments.ts'
import { SIX } from './segments6.ts'

/** RIP, LIP, ports, by how much the client's numbers were moved, bytes that the RS has sent. */
const CELLS = 5
const NETWORK = 0x0a000001
const IP = VNET.BYTES + ETH.HEADER

/** Where the sequence numbers of every conversation begin. */
export const SEQ = { CLIENT: 1000, RS: 9000 } as const

export class Clients {
  readonly count: number
  readonly rig: Rig
  readonly #flows: Int32Array
  readonly syn: Stamp
  readonly synAck: Stamp
  readonly #ack: Stamp

  constructor(rig: Rig, count: number) {
    this.rig = rig
    this.count = count
    this.#flows = new Int32Array(count * CELLS)
    this.syn = this.fromClient({ flags: FLAG.SYN, ack: 0, options: OPTIONS.syn })
    this.synAck = this.fromRs({
      flags: FLAG.SYN | FLAG.ACK,
      seq: SEQ.RS,
      ack: SEQ.CLIENT + 1,
      options: OPTIONS.synAck,
    })
    this.#ack = this.fromClient({ seq: SEQ.CLIENT + 1, ack: SEQ.RS + 1 })
  }

  /** Opens the connections of all clients, a burst at a time. */
  open(): void {
    for (let first = 0; first < this.count; first += BURST) this.handshake(first)
  }

  /** SYN, SYN+ACK and ACK of a burst of clients, not timed. */
  handshake(first: number): void {
    const { rig } = this
    this.stampIn(this.syn, first)
    rig.judge(rig.ext)
    this.learn(first)
    rig.clearOutboxes()
    this.stampOut(this.synAck, first)
    rig.judge(rig.int)
    rig.clearOutboxes()
    this.stampIn(this.#ack, first)
    rig.judge(rig.ext)
    rig.clearOutboxes()
  }

  /** A template of what clients send; not said: a bare ACK behind the RS's first data. */
  fromClient(change: Partial<SegmentFields>): Stamp {
    const { macHi, macLo } = this.rig.ext
    return this.#segment(this.rig.clientsSix, { to: [macHi, macLo], from: CLIENT_MAC, ...change })
  }

  fromRs(change: Partial<SegmentFields>): Stamp {
    const { macHi, macLo } = this.rig.int
    return this.#segment(this.rig.serversSix, { to: [macHi, macLo], from: RS_MAC, ...change })
  }

  /** A burst of packets of clients `first`, `first + 1`, ... on their way in. */
  stampIn(segment: Stamp, first: number): void {
    const slots = this.rig.take()
    for (let i = 0; i < BURST; i++) this.stampInOne(segment, slots[i], (first + i) % this.count)
  }

  stampOut(segment: Stamp, first: number): void {
    const slots = this.rig.take()
    for (let i = 0; i < BURST; i++) this.stampOutOne(segment, slots[i], (first + i) % this.count)
  }

  stampInOne(segment: Stamp, slot: number, client: number): void {
    const { rig } = this
    const service = client % rig.services
    const ports = (this.#port(client) << 16) | rig.vport(service)
    segment.stamp(slot, NETWORK + (client >> 4), rig.vip(service), ports)
  }

  /** `sent` bytes are behind it: segments of an RS that follow each other are usually in order. */
  stampOutOne(segment: Stamp, slot: number, client: number, sent = 0): void {
    const at = client * CELLS
    const flows = this.#flows
    segment.stamp(slot, flows[at], flows[at + 1], flows[at + 2], flows[at + 4], flows[at + 3])
    flows[at + 4] += sent
  }

  /** Reads the other halves from the SYNs that have just been judged. */
  learn(first: number): void {
    const { slots, engine } = this.rig
    const { pkt, start } = engine.frames
    const { src, dst, bytes: header } = this.rig.serversSix ? SIX : FOUR
    for (let i = 0; i < BURST; i++) {
      const ip = start[slots[i]] + IP
      const ports = pkt.getInt32(ip + header)
      const at = ((first + i) % this.count) * CELLS
      this.#flows[at] = pkt.getInt32(ip + dst)
      this.#flows[at + 1] = pkt.getInt32(ip + src)
      this.#flows[at + 2] = (ports << 16) | (ports >>> 16)
      this.#flows[at + 3] = pkt.getInt32(ip + header + TCP.SEQ) - SEQ.CLIENT
      this.#flows[at + 4] = 0
    }
  }

  /** Sixteen clients share an address; an odd factor gives each of them a port of its own. */
  #port(client: number): number {
    return 0x8000 | (Math.imul(client, 40_503) & 0x7fff)
  }

  #segment(
    six: boolean,
    fields: Partial<SegmentFields> & Pick<SegmentFields, 'to' | 'from'>,
  ): Stamp {
    const whole = {
      flags: FLAG.ACK,
      seq: SEQ.CLIENT,
      ack: SEQ.RS + 100,
      options: OPTIONS.timestamps,
      payload: 0,
      partial: false,
      ...fields,
    }
    const { frames } = this.rig.engine
    return new Segment(frames, whole, six ? SIX : FOUR)
  }
}
