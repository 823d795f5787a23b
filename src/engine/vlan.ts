/**
 * 802.1Q: a sub-arm is an arm of its own, whose frames carry a tag on the device of another arm, its parent. The tag comes off
 * before anybody looks at the frame and goes on when it is written, so that nothing in between knows of tags: not the
 * packet's path, the recorders, or what is handed over between workers.
 *
 * A tag comes off by moving the addresses and the virtio-net header 4 bytes forward, and goes on by moving them back.
 */

import { ETHERTYPE, VLAN } from '../wire/ethernet.ts'
import { VNET, VNET_FLAG } from '../wire/vnet-hdr.ts'
import type { Frames } from './frames.ts'

const IDS = VLAN.ID_BITS + 1
const NO_ARM = -1

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { TAG, TCI, TYPE, HEADER, ID_BITS } = VLAN
const { VLAN: TYPE_VLAN, QINQ: TYPE_QINQ } = ETHERTYPE
const { BYTES: VNET_BYTES, FLAGS, HDR_LEN, CSUM_START } = VNET
const { NEEDS_CSUM } = VNET_FLAG
/** Offset of the tag in an Ethernet frame. */
const TPID = TCI - 2

/** The sub-arms of one arm. */
export class Vlans {
  /** Indices of the sub-arms. */
  readonly arms: number[] = []
  readonly #parent: number
  /** By VLAN id. */
  readonly #arms = new Int8Array(IDS).fill(NO_ARM)

  /** `parent` is the index of the arm that has the device. */
  constructor(parent: number) {
    this.#parent = parent
  }

  add(id: number, arm: number): void {
    this.#arms[id] = arm
    this.arms.push(arm)
  }

  /**
   * Whose the frame in `slot` is, which the parent has read: that of a sub-arm loses its tag. => The arm. What is tagged
   * otherwise stays as it is, and the parent's.
   */
  armOf(frames: Frames, slot: number): number {
    const id = vlanOf(frames, slot)
    const arm = id < 0 ? NO_ARM : this.#arms[id]
    if (arm === NO_ARM) return this.#parent
    pop(frames, slot)
    return arm
  }
}

/** A frame with a tag that is only a priority (VLAN id 0) loses it. => whether it was one */
export function popPriority(frames: Frames, slot: number): boolean {
  if (vlanOf(frames, slot) !== 0) return false
  pop(frames, slot)
  return true
}

/** => the VLAN id of a frame with one tag, -1 of any other */
function vlanOf({ pkt, start, length }: Frames, slot: number): number {
  const eth = start[slot] + VNET_BYTES
  if (length[slot] < VNET_BYTES + HEADER || pkt.getUint16(eth + TPID) !== TYPE_VLAN) return -1
  const inner = pkt.getUint16(eth + TYPE)
  if (inner === TYPE_VLAN || inner === TYPE_QINQ) return -1
  return pkt.getUint16(eth + TCI) & ID_BITS
}

function pop(frames: Frames, slot: number): void {
  const { pkt } = frames
  const at = frames.start[slot]
  // From behind, for the two places overlap: 12 bytes of addresses, 10 of the virtio-net header.
  for (let i = VNET_BYTES + TPID - 2; i >= 0; i -= 2)
    pkt.setUint16(at + TAG + i, pkt.getUint16(at + i))
  frames.start[slot] = at + TAG
  frames.length[slot] -= TAG
  moveChecksum(pkt, at + TAG, -TAG)
}

/** Puts the tag of VLAN `id` on the frame in `slot`, with priority 0. */
export function push(frames: Frames, slot: number, id: number): void {
  const { pkt } = frames
  const at = frames.start[slot] - TAG
  for (let i = 0; i < VNET_BYTES + TPID; i += 2) pkt.setUint16(at + i, pkt.getUint16(at + TAG + i))
  frames.start[slot] = at
  frames.length[slot] += TAG
  pkt.setUint16(at + VNET_BYTES + TPID, TYPE_VLAN)
  pkt.setUint16(at + VNET_BYTES + TCI, id)
  moveChecksum(pkt, at, TAG)
}

/** Where the transport header begins, and the headers end, is counted from the frame's first byte. */
function moveChecksum(pkt: DataView, vnet: number, by: number): void {
  if ((pkt.getUint8(vnet + FLAGS) & NEEDS_CSUM) !== 0)
    pkt.setUint16(vnet + CSUM_START, pkt.getUint16(vnet + CSUM_START, true) + by, true)
  const headers = pkt.getUint16(vnet + HDR_LEN, true)
  if (headers + by > 0 && headers > 0) pkt.setUint16(vnet + HDR_LEN, headers + by, true)
}
