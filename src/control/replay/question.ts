/**
 * What the engine would do with a packet now. Its image is asked, in an engine of the asking side: nothing of what runs is
 * changed, and nobody waits for the answer.
 */

import { armTowards } from '../../engine/arm.ts'
import { HAND_OVER } from '../../engine/counters.ts'
import type { FrameIn, FrameOut, Moment, Said } from '../../see/moments/moment.ts'
import { Moments } from '../../see/moments/moments.ts'
import { ETH, ETHERTYPE, writeEthernet } from '../../wire/ethernet.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import type { Journal } from '../journal/format.ts'
import { markPartial } from '../journal/headers.ts'
import { ranIn } from '../journal/ran.ts'
import { arenaBytes, newTables, newTemplates, workerId } from '../threads/memory.ts'
import { Rig } from './rig.ts'

/** Bytes up to the end of a packet's source. */
const SOURCE_END = ETH.HEADER + IPV4.SRC + 4

/** Where a packet without an Ethernet header comes from: a locally administered MAC that nobody else has. */
const SENDER = { hi: 0x0274, lo: 0x76000001 }

export interface Question {
  /** From the Ethernet header on, or from the IPv4 header on. */
  bytes: Uint8Array
  /** Which of the two; left out, it is seen by the bytes. */
  link?: 'ethernet' | 'none' | undefined
  /** Name; left out, the arm whose MAC it is addressed to, or the one that leads back to its source. */
  arm?: string | undefined
}

export interface Reply {
  arm: string
  worker: number
  /** It had an Ethernet header. Without one its MACs are ours, and what is checked in front of IP was not asked. */
  hasLink: boolean
  frame: FrameIn
  /** What would be said of a connection in whose place it begins another. */
  ended: Said[]
  /** What would leave, of the frame and of our own (ARP requests); of a parked one when its next hop answers. */
  left: FrameOut[]
}

/** Throws Error in one line for what cannot be asked. `images` is a journal without records. */
export function answerOf(images: Journal, { bytes, link, arm: name }: Question): Reply {
  const hasLink = link === undefined ? !isIp(bytes) : link === 'ethernet'
  const { header } = images
  const config = ranIn(images)
  const arena = new SharedArrayBuffer(arenaBytes(config))
  const first = newTables(config)
  const templateMemory = newTemplates()
  let worker = 0
  for (;;) {
    const image = images.images[worker]
    if (image === undefined) throw new Error('no worker takes it')
    const tables = worker === 0 ? first : newTables(config, first)
    const memory = { arena, tables, templateMemory }
    const rig = new Rig(config, { image, worker, ...memory, now: image.now })
    const moments = new Moments(rig.reader(), { worker: workerId(worker), arms: header.arms })
    const arm = armOf(rig, header.arms, bytes, hasLink, name)
    const frame = hasLink ? bytes : framed(rig, arm, bytes)
    const whole = new Uint8Array(VNET.BYTES + frame.length)
    whole.set(frame, VNET.BYTES)
    markPartial(whole)
    const verdict = rig.input(
      arm,
      { bytes: whole, length: whole.length },
      image.now,
      Date.parse(header.begun) * 1000,
    )
    if (verdict <= HAND_OVER) {
      worker = HAND_OVER - verdict
      continue
    }
    rig.collect()
    const seen = moments.take(Number.POSITIVE_INFINITY)
    const came = seen.find(isIn)
    if (came === undefined) throw new Error('nothing was recorded of it')
    const left = seen.filter(isOut).map(out => (hasLink ? out : withoutMacs(out)))
    const ended = seen.flatMap(moment => (moment.kind === 'event' ? moment.said : []))
    return {
      arm: header.arms[arm] ?? '',
      worker: workerId(worker),
      hasLink,
      frame: came,
      ended,
      left,
    }
  }
}

/** MACs that were not there are not rewritten. */
function withoutMacs(out: FrameOut): FrameOut {
  return { ...out, changes: out.changes.filter(({ what }) => what !== 'mac') }
}

function isIn(moment: Moment): moment is FrameIn {
  return moment.kind === 'in'
}

function isOut(moment: Moment): moment is FrameOut {
  return moment.kind === 'out'
}

function isIp(bytes: Uint8Array): boolean {
  const version = (bytes[0] ?? 0) >>> 4
  const total = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  return version === 4 && bytes.length >= IPV4.HEADER && total <= bytes.length && !isFrame(bytes)
}

function isFrame(bytes: Uint8Array): boolean {
  const type = ((bytes[ETH.TYPE] ?? 0) << 8) | (bytes[ETH.TYPE + 1] ?? 0)
  return Object.values(ETHERTYPE).some(known => known === type)
}

function armOf(
  { engine }: Rig,
  names: readonly string[],
  bytes: Uint8Array,
  hasLink: boolean,
  name?: string,
): number {
  if (name !== undefined) {
    const index = names.indexOf(name)
    if (index < 0) throw new Error(`there is no arm ${name}; there are ${names.join(', ')}`)
    return index
  }
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (hasLink && bytes.length >= ETH.HEADER) {
    const [hi, lo] = [pkt.getUint16(ETH.DST), pkt.getInt32(ETH.DST + 2)]
    const addressed = engine.arms.filter(arm => arm.macHi === hi && arm.macLo === lo)
    // Arms of VLANs have one MAC: then it is the one that leads back to the source.
    const [only] = addressed
    const isIpv4 = pkt.getUint16(ETH.TYPE) === ETHERTYPE.IPV4 && bytes.length >= SOURCE_END
    const back =
      addressed.length > 1 && isIpv4
        ? armTowards(addressed, pkt.getInt32(ETH.HEADER + IPV4.SRC))
        : undefined
    if (only) return (back ?? only).index
  }
  const ip = hasLink ? ETH.HEADER : 0
  if (bytes.length < ip + IPV4.HEADER) throw new Error('it is too short for a packet')
  const back = armTowards(engine.arms, pkt.getInt32(ip + IPV4.SRC))
  if (back === undefined) {
    throw new Error('no route leads back to its source; say with --arm where it comes in')
  }
  return back.index
}

/** With an Ethernet header to the arm. */
function framed({ engine }: Rig, arm: number, bytes: Uint8Array): Uint8Array {
  const to = engine.arms[arm]
  const frame = new Uint8Array(ETH.HEADER + bytes.length)
  const pkt = new DataView(frame.buffer)
  if (to) writeEthernet(pkt, 0, to.macHi, to.macLo, SENDER.hi, SENDER.lo, ETHERTYPE.IPV4)
  frame.set(bytes, ETH.HEADER)
  return frame
}
