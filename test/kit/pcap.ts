/** Captures for tests, written without the product's own writers. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'
import { tcpFrame } from './frame.ts'
import { parseTcp } from './notation.ts'

export interface Sent {
  /** µs since 1970. */
  atUs: number
  frame: Uint8Array
  /** Of the frame, captured; all by default. */
  snaplen?: number
}

/** A classic pcap with µs, little-endian; of Ethernet frames, if no other link type is given. */
export function pcapOf(packets: readonly Sent[], link = 1): Uint8Array {
  const captured = packets.map(({ frame, snaplen }) => frame.subarray(0, snaplen ?? frame.length))
  const bytes = new Uint8Array(captured.reduce((sum, part) => sum + 16 + part.length, 24))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 0xa1b2c3d4, true)
  view.setUint16(4, 2, true)
  view.setUint16(6, 4, true)
  view.setUint32(16, 262_144, true)
  view.setUint32(20, link, true)
  let at = 24
  for (const [i, { atUs, frame }] of packets.entries()) {
    view.setUint32(at, Math.floor(atUs / 1e6), true)
    view.setUint32(at + 4, Math.floor(atUs % 1e6), true)
    view.setUint32(at + 8, captured[i].length, true)
    view.setUint32(at + 12, frame.length, true)
    bytes.set(captured[i], at + 16)
    at += 16 + captured[i].length
  }
  return bytes
}

/** A segment of a transcript, and the arm that it came from or went to. */
export interface TranscriptSegment {
  came: boolean
  arm: string
  frame: Uint8Array
}

const MACS: Readonly<Record<string, { far: string; own: string }>> = {
  dpdk0: { far: '52:54:00:00:00:02', own: '52:54:00:00:00:01' },
  dpdk1: { far: '52:54:00:00:01:02', own: '52:54:00:00:01:01' },
}

/**
 * The `>` and `<` lines of a transcript as frames: with the sequence numbers that tcpdump does not show for bare ACKs, with IP IDs
 * as a balancer leaves them, and with the payload that came in what leaves.
 */
export function transcriptSegments(text: string): TranscriptSegment[] {
  let id = 0
  let payload = new Uint8Array()
  const next = new Map<string, number>()
  return [...text.matchAll(/^([<>]) (\S+) \| (.*)$/gm)].map(([, mark, arm, segment]) => {
    const came = mark === '>'
    const fields = parseTcp(segment)
    if (came) {
      id++
      payload = fields.payload as Uint8Array<ArrayBuffer>
    }
    const sender = `${fields.src}.${fields.sport}`
    if (!segment.includes(', seq ')) fields.seq = next.get(sender) ?? 0
    const takes = payload.length + (/[SF]/.test(fields.flags) ? 1 : 0)
    next.set(sender, (fields.seq + takes) >>> 0)
    const { far, own } = MACS[arm]
    const [srcMac, dstMac] = came ? [far, own] : [own, far]
    return { came, arm, frame: tcpFrame({ ...fields, payload, id, srcMac, dstMac }) }
  })
}

/** 22:11:13 of some day, by the client's clock; the RS's is this much ahead. */
const SEED_START_US = Date.UTC(2018, 9, 12, 22, 11, 13, 214) * 1000
export const AHEAD_US = 12_700_000

/**
 * The seed's two captures, made of its transcript. Each segment comes 400 us after the last and is on the other side 95 us
 * later, or up to 6 more. The transcript may be changed before.
 */
export function seedCaptures(changed = (text: string) => text): {
  client: Uint8Array
  rs: Uint8Array
} {
  const file = join(CHECKOUT, 'test', 'transcripts', 'seed-client-close.txt')
  const client: Sent[] = []
  const rs: Sent[] = []
  let now = SEED_START_US
  let took = 0
  for (const { came, arm, frame } of transcriptSegments(changed(readFileSync(file, 'utf8')))) {
    if (came) {
      now += 400
      took = 95 + (took % 7)
    }
    const atUs = now + (came ? 0 : took)
    if (arm === 'dpdk0') client.push({ atUs, frame })
    else rs.push({ atUs: atUs + AHEAD_US, frame })
  }
  return { client: pcapOf(client), rs: pcapOf(rs) }
}
