/**
 * Datagrams as a Linux kernel sends them, made once as templates and stamped into slots, as segments.ts does it: connections
 * that go on, and lives of a query and its answer.
 */

import { BURST, type Frames } from '../../src/engine/frames.ts'
import {
  adjust,
  adjustPartial,
  diff32,
  fold,
  pseudoSum,
  sumWords,
} from '../../src/wire/checksum.ts'
import { ETH, ETHERTYPE, writeEthernet } from '../../src/wire/ethernet.ts'
import { IPV4, PROTO, writeIpv4 } from '../../src/wire/ipv4.ts'
import { UDP } from '../../src/wire/udp.ts'
import { VNET, VNET_FLAG } from '../../src/wire/vnet-hdr.ts'
import { Clients } from './clients.ts'
import { PAYLOAD, type Traffic } from './established.ts'
import { CLIENT_MAC, type Rig, RS_MAC } from './rig.ts'
import type { Mac, Stamp } from './segments.ts'

const IP = VNET.BYTES + ETH.HEADER
const L4 = IP + IPV4.HEADER
const L4_BYTES = UDP.HEADER + PAYLOAD

class Datagram implements Stamp {
  readonly #bytes = new Uint8Array(L4 + L4_BYTES)
  readonly #partial: boolean
  readonly #arena: Uint8Array
  readonly #frames: Frames

  /** Addresses and ports are 0 until the template is stamped; `partial` as of SegmentFields. */
  constructor(frames: Frames, to: Mac, from: Mac, partial: boolean) {
    this.#partial = partial
    this.#frames = frames
    this.#arena = new Uint8Array(frames.pkt.buffer)
    const view = new DataView(this.#bytes.buffer)
    writeEthernet(view, VNET.BYTES, to[0], to[1], from[0], from[1], ETHERTYPE.IPV4)
    writeIpv4(view, IP, PROTO.UDP, IPV4.HEADER + L4_BYTES, 0, 0)
    view.setUint16(L4 + UDP.LENGTH, L4_BYTES)
    this.#bytes.fill(0x61, L4 + UDP.HEADER)
    const pseudo = pseudoSum(0, 0, PROTO.UDP, L4_BYTES)
    if (partial) {
      view.setUint8(VNET.FLAGS, VNET_FLAG.NEEDS_CSUM)
      view.setUint16(VNET.CSUM_START, L4 - VNET.BYTES, true)
      view.setUint16(VNET.CSUM_OFFSET, UDP.CHECKSUM, true)
      view.setUint16(L4 + UDP.CHECKSUM, fold(pseudo))
    } else {
      view.setUint16(L4 + UDP.CHECKSUM, ~fold(pseudo + sumWords(view, L4, L4_BYTES)))
    }
  }

  stamp(slot: number, src: number, dst: number, ports: number): void {
    const { pkt, start, length } = this.#frames
    const at = start[slot]
    this.#arena.set(this.#bytes, at)
    length[slot] = this.#bytes.length
    pkt.setInt32(at + IP + IPV4.SRC, src)
    pkt.setInt32(at + IP + IPV4.DST, dst)
    pkt.setInt32(at + L4 + UDP.SPORT, ports)
    const addresses = diff32(0, src) + diff32(0, dst)
    adjust(pkt, at + IP + IPV4.CHECKSUM, addresses)
    if (this.#partial) adjustPartial(pkt, at + L4 + UDP.CHECKSUM, addresses)
    else adjust(pkt, at + L4 + UDP.CHECKSUM, addresses + diff32(0, ports))
  }
}

/** Complete and partial checksums by turns, 64 bytes of payload. */
export function datagrams({ engine: { frames }, ext, int }: Rig): Traffic {
  const of = (to: Mac, from: Mac) =>
    [false, true].map(partial => new Datagram(frames, to, from, partial))
  return {
    in: of([ext.macHi, ext.macLo], CLIENT_MAC),
    out: of([int.macHi, int.macLo], RS_MAC),
  }
}

/** Queries that open a connection each, their answers, and the end by the timer; a burst of them at a time. */
export class Queries {
  readonly #clients: Clients
  readonly #query: Stamp
  readonly #answer: Stamp
  #first = 0

  /** `count` clients take turns. */
  constructor(rig: Rig, count: number) {
    this.#clients = new Clients(rig, count)
    const traffic = datagrams(rig)
    this.#query = traffic.in[0]
    this.#answer = traffic.out[0]
  }

  get clients(): Clients {
    return this.#clients
  }

  /** => ns per life, its end included: two ms of the engine's clock a burst */
  run(lives: number): number {
    const bursts = Math.ceil(lives / BURST)
    let ms = 0
    for (let burst = 0; burst < bursts; burst++) ms += this.#burst()
    return (ms * 1e6) / (bursts * BURST)
  }

  #burst(): number {
    const { rig } = this.#clients
    this.#clients.stampIn(this.#query, this.#first)
    let ms = rig.judge(rig.ext)
    this.#clients.learn(this.#first)
    ms += this.#tick()
    this.#clients.stampOut(this.#answer, this.#first)
    ms += rig.judge(rig.int)
    ms += this.#tick()
    this.#first = (this.#first + BURST) % this.#clients.count
    return ms
  }

  #tick(): number {
    const { rig } = this.#clients
    rig.now++
    const ms = rig.tick()
    rig.clearOutboxes()
    return ms
  }
}
