/** Sets of addresses as ranges, both ends included, and whether an address of a packet is in one, in BPF. */

import { type IpAddress, ipAddress } from '../wire/ip-address.ts'
import { type Assembler, IF, type Label, R0 } from './bpf.ts'

/** An address is the number that its bits are. */
export type Range = readonly [first: bigint, last: bigint]

const WORD = 32n
const WORD_LAST = (1n << WORD) - 1n

export function numberOf(address: IpAddress): bigint {
  if (typeof address === 'number') return BigInt(address >>> 0)
  return address.reduce((all, word) => (all << WORD) | BigInt(word >>> 0), 0n)
}

/** Of the prefix of this length around an address; `bits` is how many an address has. */
export function prefixRange(address: string, length: number, bits: number): Range {
  const host = (1n << BigInt(bits - length)) - 1n
  const last = numberOf(ipAddress(address)) | host
  return [last - host, last]
}

/** In ascending order, none touching another. */
export function joined(ranges: readonly Range[]): Range[] {
  const all: [bigint, bigint][] = []
  for (const [first, last] of ranges.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))) {
    const before = all.at(-1)
    if (before === undefined || first > before[1] + 1n) all.push([first, last])
    else if (last > before[1]) before[1] = last
  }
  return all
}

/** What of `ranges` is in none of `others`. */
export function without(ranges: readonly Range[], others: readonly Range[]): Range[] {
  const holes = joined(others)
  return joined(ranges).flatMap(([first, last]) => {
    const left: Range[] = []
    let from = first
    for (const [begin, end] of holes) {
      if (end < from || begin > last) continue
      if (begin > from) left.push([from, begin - 1n])
      from = end + 1n
    }
    if (from <= last) left.push([from, last])
    return left
  })
}

export function common(ranges: readonly Range[], others: readonly Range[]): Range[] {
  return without(ranges, without(ranges, others))
}

/** How to get the words of an address into R0, how many there are, and where to go if it is in a range, or not. */
export interface InRanges {
  load(word: number): void
  words: 1 | 4
  yes: Label
  no: Label
}

/** By halves, word by word: three instructions an end. */
export function amongRanges(
  asm: Assembler,
  ranges: readonly Range[],
  asked: InRanges,
  word = 0,
): void {
  const { load, words, yes, no } = asked
  const below = WORD * BigInt(words - 1 - word)
  const spans: Span[] = [{ first: 0n, to: no }]
  const parts: [to: Label, inside: Range[]][] = []
  const put = (first: bigint, last: bigint, to: Label) => {
    if (spans.at(-1)?.first === first) spans.pop()
    if (spans.at(-1)?.to !== to) spans.push({ first, to })
    if (last < WORD_LAST) spans.push({ first: last + 1n, to: no })
  }
  for (const [value, last, inside] of cut(joined(ranges), below)) {
    if (inside === undefined) {
      put(value, last, yes)
      continue
    }
    const part = asm.label()
    put(value, last, part)
    parts.push([part, inside])
  }
  load(word)
  choose(asm, spans)
  for (const [to, inside] of parts) {
    asm.place(to)
    amongRanges(asm, inside, asked, word + 1)
  }
}

/** From this value of a word on, up to the next span. */
interface Span {
  first: bigint
  to: Label
}

type Cut = readonly [first: bigint, last: bigint, inside?: Range[]]

/** => by values of the first word, in ascending order: with all of them, or with what it has of the `below` bits behind it */
function cut(ranges: readonly Range[], below: bigint): Cut[] {
  const rest = (1n << below) - 1n
  const partial = new Map<bigint, Range[]>()
  const whole: Range[] = []
  const part = (value: bigint, first: bigint, last: bigint) => {
    if (first === 0n && last === rest) whole.push([value, value])
    else partial.set(value, [...(partial.get(value) ?? []), [first, last]])
  }
  for (const [first, last] of ranges) {
    const [from, to] = [first >> below, last >> below]
    if (from === to) {
      part(from, first & rest, last & rest)
      continue
    }
    part(from, first & rest, rest)
    if (from + 1n < to) whole.push([from + 1n, to - 1n])
    part(to, 0n, last & rest)
  }
  const parts = [...partial].map(([value, inside]): Cut => [value, value, inside])
  return [...joined(whole), ...parts].sort(([a], [b]) => (a < b ? -1 : 1))
}

function choose(asm: Assembler, spans: readonly Span[]): void {
  const [middle] = spans.slice(spans.length >> 1)
  if (middle === undefined) return
  if (spans.length === 1) {
    asm.jump(middle.to)
    return
  }
  const upper = asm.label()
  asm.jumpIf(IF.GE, R0, Number(BigInt.asIntN(32, middle.first)), upper)
  choose(asm, spans.slice(0, spans.length >> 1))
  asm.place(upper)
  choose(asm, spans.slice(spans.length >> 1))
}
