/**
 * The path of packets of connections that are not forwarded by FullNAT, from where their tuple is known and their arm is right: the
 * steps are those of Engine.input.
 */

import type { Arm } from './arm.ts'
import { CELL, KEY, METHOD, ONE_WAY, PROTOCOL_BITS, RECORD } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { Drop } from './counters.ts'
import type { Datagrams } from './datagrams.ts'
import type { Egress } from './egress.ts'
import { armOf } from './family.ts'
import type { Fragmentation } from './fragmentation.ts'
import type { Frames } from './frames.ts'
import type { Icmp } from './icmp.ts'
import { OneWay } from './one-way.ts'
import type { EngineOptions } from './options.ts'
import { OwnFrames } from './own-frames.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { DestCell, type Dests } from './service.ts'
import type { Sessions } from './sessions.ts'
import { GOOD } from './usual.ts'
import type { Verify } from './verify.ts'
import { unfit } from './xmit/ip.ts'
import type { Method } from './xmit/method.ts'
import { Segmentation } from './xmit/segmentation.ts'
import { isTooLong, Tunnel, tunnelBytes, tunnelMtu } from './xmit/tunnel.ts'

const { BINDING } = CELL
const { LINK } = DestCell
const { of: recordOf, dest: destOf, clientArm: clientArmOf, method: methodOf } = RECORD
const { TUNNEL } = METHOD

/** Those of the packet's path that it takes too. */
export interface WaySteps {
  conns: Conns
  verify: Verify
  datagrams: Datagrams
  icmp: Icmp
  egress: Egress
  fragmentation: Fragmentation
}

export class Ways {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #arms: readonly Arm[]
  readonly #dests: Dests
  readonly #sessions: Sessions | null
  readonly #steps: WaySteps
  readonly #methods: readonly Method[]
  readonly #oneWay: OneWay
  readonly #segmentation: Segmentation
  readonly #tunnel: Tunnel
  readonly #own: OwnFrames
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, steps: WaySteps, options: EngineOptions) {
    this.#frames = parts.frames
    this.#cells = parts.table.cells
    this.#arms = parts.arms
    this.#dests = parts.dests
    this.#sessions = parts.sessions
    this.#steps = steps
    this.#methods = steps.conns.drafts.methods
    this.#oneWay = new OneWay(parts, steps.conns, steps.verify, options)
    this.#segmentation = new Segmentation(parts)
    this.#tunnel = new Tunnel(parts, steps.egress)
    this.#own = new OwnFrames(parts)
    this.#decrementsTtl = options.decrementTtl
  }

  /** The packet of tuple t in `slot`; `isNew`: it has opened it. => As Engine.input */
  input(slot: number, p: Parsed, t: number, isNew: boolean, now: number): number {
    const binding = this.#cells[recordOf(t) | BINDING]
    const dest = destOf(binding)
    const judged = this.#hear(t, p, binding, isNew, now)
    if (judged < 0) return judged
    const came = this.#frames.fragment[slot]
    if (came !== 0) p.countFragments(came)
    this.#dests.countPackets(dest, t & 1, p.segments, p.wireBytes)
    if (this.#sessions !== null) this.#sessions.packet(t, p, judged, now)
    return this.forward(slot, p, t, now)
  }

  /** The same of one that is heard and counted: it leaves as its method has it, if it fits. */
  forward(slot: number, p: Parsed, t: number, now: number): number {
    const { icmp, egress, fragmentation } = this.#steps
    const binding = this.#cells[recordOf(t) | BINDING]
    const method = methodOf(binding)
    const dest = destOf(binding)
    const outward = (t & 1) === 1
    const rsArm = this.#arms[armOf(this.#dests.cells[(dest << 4) | LINK])]
    const clientArm = this.#arms[clientArmOf(binding)]
    const [from, out] = outward ? [rsArm, clientArm] : [clientArm, rsArm]
    const mtu = method === TUNNEL ? tunnelMtu(p.key, out.mtu) : out.mtu
    const came = this.#frames.fragment[slot]
    const refusal = unfit(this.#frames.pkt, p, came, mtu, this.#decrementsTtl)
    if (refusal !== 0) return icmp.tooLarge(slot, p, from, mtu, refusal)
    this.#methods[method].translate(slot, p, t, mtu)
    if (method === TUNNEL) return this.#intoTunnel(slot, p, t, out, now)
    const verdict = outward
      ? egress.toClient(p.eth, out, t >> 1)
      : egress.toRs(slot, p.eth, out, dest, now)
    return came !== 0 || p.largest > out.mtu ? fragmentation.leave(slot, verdict) : verdict
  }

  /** What a packet of the RS, or of the client, does to the connection. => As Engine's */
  #hear(t: number, p: Parsed, binding: number, isNew: boolean, now: number): number {
    const { conns, verify, datagrams } = this.#steps
    const dest = destOf(binding)
    if ((p.key & PROTOCOL_BITS) !== KEY.TCP)
      return isNew ? datagrams.begin(t, now) : datagrams.hear(t, p, dest, now)
    if (isNew) {
      conns.segment(t, p, now)
      return GOOD
    }
    if ((binding & ONE_WAY) !== 0) return this.#oneWay.hear(t, p, now)
    if (verify.isUsual(t, p, dest, now)) return GOOD
    const judged = verify.judge(t, p, now)
    if (judged === GOOD) verify.hear(t, p, dest, now)
    return judged
  }

  /** Each packet that the frame stands for goes into the tunnel by itself: no device cuts up what is inside of one. */
  #intoTunnel(slot: number, p: Parsed, t: number, out: Arm, now: number): number {
    if (p.key >= KEY.IPV6 && this.#frames.fragment[slot] !== 0)
      return this.#fragmentsIntoTunnel(slot, t, out, now)
    const segmentation = this.#segmentation
    // Who sent segments without DF has asked for no more than that they arrive.
    const most = out.mtu - tunnelBytes(p.key) - p.ipHeader - p.l4Header
    if (p.gsoSize > most && (p.key & PROTOCOL_BITS) === KEY.TCP) p.gsoSize = most
    const pieces = segmentation.pieces(p)
    if (pieces === 0) return -Drop.NO_BUFFER
    const last = pieces - 1
    for (let i = 0; i < last; i++) this.#sendInside(segmentation.copy(slot, p, i), t, out, now)
    if (last > 0) segmentation.becomeLast(slot, p, last)
    else {
      if (isTooLong(p.key, p.ipTotal)) return -Drop.IP_TOO_BIG
      this.#steps.fragmentation.completeChecksum(slot)
    }
    return this.#inside(slot, t, out, now)
  }

  /** What came in fragments of IPv6 goes as such, each by itself: the ends of a tunnel do not put together what is in it (RFC 2473 7.1). */
  #fragmentsIntoTunnel(slot: number, t: number, out: Arm, now: number): number {
    const { fragmentation } = this.#steps
    const { six } = fragmentation
    const came = this.#frames.fragment[slot]
    this.#frames.fragment[slot] = 0
    fragmentation.completeChecksum(slot)
    const last = six.begin(slot, out.mtu - tunnelBytes(KEY.IPV6), came)
    if (last < 0) return last
    for (let i = 0; i < last; i++) this.#sendInside(six.copy(slot, i), t, out, now)
    if (last > 0) six.becomeLast(slot, last)
    return this.#inside(slot, t, out, now)
  }

  #sendInside(piece: number, t: number, out: Arm, now: number): void {
    this.#own.settle(piece, this.#inside(piece, t, out, now))
  }

  /** The packet in `slot` leaves in the tunnel, in fragments of that if need be. => As Egress.toRs */
  #inside(slot: number, t: number, out: Arm, now: number): number {
    const { fragmentation } = this.#steps
    const verdict = this.#tunnel.enter(slot, t, out, now)
    return fragmentation.isDue(slot, out) ? fragmentation.leave(slot, verdict) : verdict
  }
}
