/** Files of others in bytes: captures and journals. */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { readJournal } from '../../../src/control/journal/format.ts'
import { asTest } from '../../../src/control/replay/as-test.ts'
import { replay } from '../../../src/control/replay/replay.ts'
import { whatIf } from '../../../src/control/replay/what-if.ts'
import { analyze } from '../../../src/see/analyze/analyze.ts'
import { reportOf } from '../../../src/see/analyze/report.ts'
import { momentsOfCapture } from '../../../src/see/capture/capture-moments.ts'
import { CaptureError } from '../../../src/see/capture/captured.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import {
  interfaceBlock,
  namesBlock,
  packetBlock,
  sectionBlock,
  statisticsBlock,
} from '../../../src/see/capture/pcapng.ts'
import { journaled } from '../../kit/journaled.ts'
import { seedCaptures } from '../../kit/pcap.ts'
import { seedConversation } from '../../kit/seed-conversation.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'
import type { Chance } from '../chance.ts'
import { mutateBytes, mutateJson } from './mutations.ts'
import type { Target } from './target.ts'

const SHOWN = 4000
const show = (bytes: Uint8Array) =>
  `${bytes.length} bytes: ${Buffer.from(bytes.subarray(0, SHOWN)).toString('hex')}`

/** The same packets as pcapng, with a comment, a name and statistics. */
function pcapng(pcap: Uint8Array): Uint8Array {
  const { packets } = readCapture(pcap)
  const blocks = packets.slice(0, 6).map((packet, i) =>
    packetBlock({
      atUs: 1e15 + i,
      interface: i & 1,
      direction: 'in',
      length: packet.length,
      bytes: packet.bytes,
      comments: ['in pair 1 worker 1 → tcp', 'a comment'],
      lost: i,
    }),
  )
  const address = Uint8Array.of(10, 0, 0, 1)
  return new Uint8Array(
    Buffer.concat([
      sectionBlock({ application: 'tapvs', os: 'Linux', comment: 'x' }),
      interfaceBlock('ext0', 'clients', 160),
      interfaceBlock('int0', 'servers', 160),
      namesBlock([{ address, name: 'a.example' }]),
      ...blocks,
      statisticsBlock(0, 1e15, 6, 1, ['in pair 2']),
    ]),
  )
}

export function captureTarget(): Target<Uint8Array> {
  const { client, rs } = seedCaptures()
  return {
    name: 'capture',
    seeds: [client.subarray(0, 900), rs.subarray(0, 900), pcapng(client), pcapng(rs)],
    mutate: mutateBytes,
    read(bytes) {
      for (const moment of momentsOfCapture(readCapture(bytes))) JSON.stringify(moment)
      reportOf(analyze({ name: 'a', bytes }, { name: 'b', bytes: rs }))
    },
    isRefusal: error => error instanceof CaptureError,
    files: /\/src\/see\//,
    limitMs: 4000,
    show,
  }
}

/** One of its blocks is spoilt inside, an image before it is deflated, and the blocks fit together again. */
function mutateJournal(chance: Chance, input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  const blocks: { head: Uint8Array; body: Uint8Array }[] = []
  for (let at = 8; at + 8 <= input.length; ) {
    const bytes = view.getUint32(at, true)
    if (at + 8 + bytes > input.length) break
    blocks.push({ head: input.slice(at, at + 8), body: input.slice(at + 8, at + 8 + bytes) })
    at += 8 + bytes + (-bytes & 7)
  }
  if (blocks.length === 0) return input
  const block = chance.pick(blocks)
  const isImage = block.head[4] === 2
  try {
    const inside = isImage ? new Uint8Array(inflateRawSync(block.body)) : block.body
    const spoilt = spoil(chance, inside)
    block.body = isImage ? new Uint8Array(deflateRawSync(spoilt, { level: 1 })) : spoilt
  } catch {
    block.body = mutateBytes(chance, block.body, input)
  }
  if (chance.once(8)) block.head[4 + chance.below(2)] = chance.below(6)
  const parts = blocks.flatMap(({ head, body }) => {
    new DataView(head.buffer).setUint32(0, body.length, true)
    return [head, body, new Uint8Array(-body.length & 7)]
  })
  return new Uint8Array(Buffer.concat([input.subarray(0, 8), ...parts]))
}

/** The JSON in it, of whose text the length stands ahead in an image, or any bytes. */
function spoil(chance: Chance, bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  const from = text.indexOf('{')
  if (from !== 0 && from !== 4) return mutateBytes(chance, bytes, bytes)
  const end = from === 0 ? bytes.length : 4 + Buffer.from(bytes).readUInt32LE(0)
  if (chance.below(2) === 0 && from === 4) {
    const cells = mutateBytes(chance, bytes.subarray((end + 7) & ~7), bytes)
    return new Uint8Array(Buffer.concat([bytes.subarray(0, (end + 7) & ~7), cells]))
  }
  const value = mutateJson(chance, JSON.parse(text.slice(from, end)), 7)
  const words = Buffer.from(JSON.stringify(value) ?? '')
  if (from === 0) return new Uint8Array(words)
  const head = Buffer.alloc((4 + words.length + 7) & ~7)
  head.writeUInt32LE(words.length, 0)
  words.copy(head, 4)
  return new Uint8Array(Buffer.concat([head, bytes.subarray((end + 7) & ~7)]))
}

export async function journalTarget(): Promise<Target<Uint8Array>> {
  const stand = new Stand(`${SEED_CONFIG}connections: { table_size: 64 }\n`).resolveRss()
  const file = await journaled([stand], () => seedConversation(stand))
  return {
    name: 'journal',
    seeds: [file],
    mutate: (chance, input, other) =>
      chance.below(4) > 0 ? mutateJournal(chance, input) : mutateBytes(chance, input, other),
    read(bytes) {
      const journal = readJournal(bytes)
      replay(journal)
      // They take ten times as long.
      if ((bytes.length >> 3) % 8 === 0) asTest(journal, 'fuzz')
      if ((bytes.length >> 3) % 8 === 1) whatIf(journal, stand.config)
    },
    // No class of its own: a line that tells what is wrong with the file.
    isRefusal: error => error.constructor === Error || error.name === 'ConfigError',
    files: /\/src\/control\/(journal|replay)\//,
    limitMs: 8000,
    show,
  }
}
