/**
 * ARP from the network: answer for our own addresses, learn what we asked for. Nothing is learned from strangers, and
 * nothing from anybody who claims one of our addresses (RFC 5227 section 2.4 calls that a conflict; we report it and
 * keep answering).
 */

import { ARP, ARP_OP, isIpv4OverEthernet, turnIntoReply } from '../wire/arp.ts'
import { ETH } from '../wire/ethernet.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import { type Arm, isOurs } from './arm.ts'
import type { Claims } from './claims.ts'
import { type Counters, DONE, Drop, Event } from './counters.ts'
import { Family, linkOf } from './family.ts'
import type { Frames } from './frames.ts'
import type { Neighs } from './neigh.ts'
import type { Parts } from './parts.ts'
import type { Peers } from './peers.ts'

const { IPV4 } = Family

export class ArpInput {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #neighs: Neighs
  readonly #counters: Counters
  readonly #peers: Peers | null
  readonly #claims: Claims
  /** For the others. */
  readonly #told = new Int32Array(4)

  constructor({ frames, arms, counters, peers }: Parts, neighs: Neighs, claims: Claims) {
    this.#frames = frames
    this.#arms = arms
    this.#neighs = neighs
    this.#counters = counters
    this.#claims = claims
    this.#peers = peers
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
      this.#claims.report(sender, IPV4, arm, macHi, macLo, now)
      return -Drop.ARP_CLAIMS_OURS
    }
    const forUs = arm.owns(IPV4, target)
    const solicited = forUs && op === ARP_OP.REPLY
    const link = linkOf(arm.index, IPV4)
    const known = this.#neighs.hear(link, sender, macHi, macLo, solicited, now)
    this.#told[0] = sender
    this.#peers?.tell(link, this.#told, macHi, macLo, solicited)
    if (!forUs) return known ? DONE : -Drop.ARP_NOT_OURS
    // With several workers it may be another one that asked.
    if (solicited) return known || this.#peers !== null ? DONE : -Drop.ARP_UNSOLICITED

    clearVnetHdr(pkt, this.#frames.start[slot])
    turnIntoReply(pkt, eth, arm.macHi, arm.macLo)
    this.#counters.countOn(arm.index, Event.ARP_REPLIES)
    return arm.index
  }
}
