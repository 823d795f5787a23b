/**
 * ARP from the network: answer for our own addresses, learn what we asked for. Nothing is learned from strangers, and
 * nothing from anybody who claims one of our addresses (RFC 5227 section 2.4 calls that a conflict; we report it and
 * keep answering).
 */

import { ARP, ARP_OP, isIpv4OverEthernet, turnIntoReply } from '../wire/arp.ts'
import { ETH } from '../wire/ethernet.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import { type Arm, isOurs } from './arm.ts'
import { type Counters, DONE, Drop, Event } from './counters.ts'
import { Family, linkOf } from './family.ts'
import type { Frames } from './frames.ts'
import type { Neighs } from './neigh.ts'
import type { Parts } from './parts.ts'
import type { Peers } from './peers.ts'
import { sayClaimed } from './say.ts'
import type { TraceRing } from './trace.ts'

const CLAIM_REPORT_MS = 1000
const { IPV4 } = Family

export class ArpInput {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #neighs: Neighs
  readonly #counters: Counters
  readonly #trace: TraceRing
  readonly #peers: Peers | null
  #reported = false
  #reportedAt = 0

  constructor({ frames, arms, counters, trace, peers }: Parts, neighs: Neighs) {
    this.#frames = frames
    this.#arms = arms
    this.#neighs = neighs
    this.#counters = counters
    this.#trace = trace
    this.#peers = peers
  }

  /** Forgets what lies so far back that int32 could take it for the future; to be called every day or oftener. */
  tick(now: number): void {
    if (((now - this.#reportedAt) | 0) >= CLAIM_REPORT_MS) this.#reported = false
  }

  /** When a claim was reported last, if that was lately. */
  get lastClaim(): number | null {
    return this.#reported ? this.#reportedAt : null
  }

  set lastClaim(at: number | null) {
    this.#reported = at !== null
    this.#reportedAt = at ?? 0
  }

  /** => The arm (the frame became the reply), DONE (learned), or minus a drop reason. */
  input(arm: Arm, slot: number, now: number): number {
    const { pkt } = this.#frames
    const eth = this.#frames.start[slot] + VNET.BYTES
    const arp = eth + ETH.HEADER
    if (this.#frames.length[slot] < VNET.BYTES + ETH.HEADER + ARP.BYTES) return -Drop.ARP_HEADER
    if (!isIpv4OverEthernet(pkt, arp)) return -Drop.ARP_HEADER
    const op = pkt.getUint16(arp + ARP.OP)
    const macHi = pkt.getUint16(arp + ARP.SHA)
    const macLo = pkt.getInt32(arp + ARP.SHA + 2)
    // A group or null address is nobody's own (RFC 1812 3.3.2 for the group bit).
    if (op < ARP_OP.REQUEST || op > ARP_OP.REPLY) return -Drop.ARP_HEADER
    if ((macHi & 0x0100) !== 0 || (macHi | macLo) === 0) return -Drop.ARP_HEADER

    const sender = pkt.getInt32(arp + ARP.SPA)
    const target = pkt.getInt32(arp + ARP.TPA)
    if (isOurs(this.#arms, IPV4, sender)) {
      this.#reportClaim(sender, arm, macHi, macLo, now)
      return -Drop.ARP_CLAIMS_OURS
    }
    const forUs = arm.owns(IPV4, target)
    const solicited = forUs && op === ARP_OP.REPLY
    const link = linkOf(arm.index, IPV4)
    const known = this.#neighs.hear(link, sender, macHi, macLo, solicited, now)
    this.#peers?.tell(link, sender, macHi, macLo, solicited)
    if (!forUs) return known ? DONE : -Drop.ARP_NOT_OURS
    // With several workers it may be another one that asked.
    if (solicited) return known || this.#peers !== null ? DONE : -Drop.ARP_UNSOLICITED

    clearVnetHdr(pkt, this.#frames.start[slot])
    turnIntoReply(pkt, eth, arm.macHi, arm.macLo)
    this.#counters.countOn(arm.index, Event.ARP_REPLIES)
    return arm.index
  }

  /** Every claim is counted; the log hears of one a second, or a stranger could fill it. */
  #reportClaim(address: number, arm: Arm, macHi: number, macLo: number, now: number): void {
    if (this.#reported && ((now - this.#reportedAt) | 0) < CLAIM_REPORT_MS) return
    this.#reported = true
    this.#reportedAt = now
    sayClaimed(this.#trace, address, arm.index, macHi, macLo)
  }
}
