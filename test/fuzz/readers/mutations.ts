/** How texts, words and bytes are spoilt. */

import type { Chance } from '../chance.ts'

/** Bytes are not longer than this afterwards. */
const BYTES_MAX = 1 << 16
const TEXT_MAX = 1 << 14
const NUMBERS = [0, 1, 2, 7, 8, 12, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

/** One to four things wrong with the bytes. */
export function mutateBytes(chance: Chance, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = new Uint8Array(input)
  for (let times = 1 + chance.below(4); times > 0; times--) bytes = changed(chance, bytes, other)
  return bytes.subarray(0, BYTES_MAX)
}

function changed(chance: Chance, bytes: Uint8Array<ArrayBuffer>, other: Uint8Array) {
  const at = chance.below(bytes.length + 1)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  switch (chance.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << chance.below(8))
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = chance.below(256)
      return bytes
    case 2:
      if (at + 4 <= bytes.length)
        view.setUint32(at & ~3, chance.pick(NUMBERS), chance.below(2) === 0)
      return bytes
    case 3:
      if (at + 4 <= bytes.length)
        view.setInt32(at & ~3, view.getInt32(at & ~3, true) + chance.below(17) - 8, true)
      return bytes
    case 4:
      if (at + 2 <= bytes.length) view.setUint16(at & ~1, chance.edge(), chance.below(2) === 0)
      return bytes
    case 5:
      return bytes.slice(0, at)
    case 6:
      return joined(bytes.subarray(0, at), other.subarray(chance.below(other.length + 1)))
    case 7:
      return joined(
        bytes.subarray(0, at),
        bytes.subarray(Math.min(bytes.length, at + chance.below(64))),
      )
    default: {
      const from = chance.below(bytes.length + 1)
      return joined(
        bytes.subarray(0, at),
        bytes.subarray(from, from + chance.below(200)),
        bytes.subarray(at),
      )
    }
  }
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts))
}

/** What texts of any kind are read wrongly at. */
const ODD = [
  ...[
    '',
    ' ',
    '\n',
    '\t',
    '\r',
    '\0',
    '\u0001',
    '\u001b[31m',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\ud800',
    '€',
  ],
  ...[
    '-1',
    '0',
    '1',
    '65535',
    '65536',
    '4294967296',
    '1e9',
    '1e999',
    '9'.repeat(40),
    '0x10',
    '.5',
    'NaN',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '"',
    "'",
    ':',
    ',',
    '#',
    '!',
    '&a',
    '*a',
    '<<',
    '|',
    '>',
    '%',
    '@',
    '-',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'null',
    'true',
    '~',
    'x'.repeat(300),
  ],
  ...[
    '255.255.255.255',
    '0.0.0.0',
    '10.0.0.1',
    '10.0.0.1/33',
    '10.0.0.1-10.0.0.9',
    '::1',
    '[::1]:80',
    '1.2.3',
  ],
]

/** One to four things wrong with a text; `words` are those that it may be made of. */
export function mutateText(
  chance: Chance,
  input: string,
  other: string,
  words: readonly string[],
): string {
  let text = input
  for (let times = 1 + chance.below(4); times > 0; times--)
    text = edited(chance, text, other, words)
  return text.slice(0, TEXT_MAX)
}

function edited(chance: Chance, text: string, other: string, words: readonly string[]): string {
  const at = chance.below(text.length + 1)
  const put = (more: string, from = at) => text.slice(0, at) + more + text.slice(from)
  switch (chance.below(9)) {
    case 0:
      return put('', at + 1 + chance.below(12))
    case 1:
      return put(chance.pick(ODD))
    case 2:
      return put(chance.pick(ODD), wordEnd(text, at))
    case 3:
      return put(chance.pick(words), wordEnd(text, at))
    case 4:
      return put(` ${chance.pick(words)} `)
    case 5:
      return put(String.fromCharCode(chance.below(chance.below(4) ? 128 : 65_536)), at + 1)
    case 6:
      return text.slice(0, at) + other.slice(chance.below(other.length + 1))
    case 7:
      return withLines(chance, text)
    default: {
      const from = chance.below(text.length + 1)
      return put(text.slice(from, from + chance.below(80)))
    }
  }
}

function wordEnd(text: string, at: number): number {
  const end = text.slice(at).search(/[\s:,{}[\]]/)
  return end < 0 ? text.length : at + Math.max(1, end)
}

/** One line twice, away, elsewhere or indented otherwise. */
function withLines(chance: Chance, text: string): string {
  const lines = text.split('\n')
  const at = chance.below(lines.length)
  const line = lines[at] as string
  const kind = chance.below(4)
  if (kind === 0) lines.splice(at, 1)
  else if (kind === 1) lines.splice(chance.below(lines.length), 0, line)
  else if (kind === 2) lines[at] = `  ${line}`
  else lines[at] = line.replace(/^ {1,2}/, '')
  return lines.join('\n')
}

/** Words of a command line: some away, twice, elsewhere, or others. */
export function mutateWords(
  chance: Chance,
  input: readonly string[],
  other: readonly string[],
  words: readonly string[],
): string[] {
  const list = [...input]
  for (let times = 1 + chance.below(3); times > 0; times--) {
    const at = chance.below(list.length + 1)
    const kind = chance.below(6)
    if (kind === 0) list.splice(at, 1)
    else if (kind === 1) list.splice(at, 0, chance.pick(words))
    else if (kind === 2) list.splice(at, 1, chance.pick(words))
    else if (kind === 3)
      list.splice(at, list.length, ...other.slice(chance.below(other.length + 1)))
    else if (kind === 4) list.splice(at, 1, mutateText(chance, list[at] ?? '', '', words))
    else list.splice(at, 0, chance.pick(ODD))
  }
  // No argument has a byte of 0.
  return list.slice(0, 40).map(word => word.replaceAll('\0', ''))
}

/** A value of JSON with some part of it another. */
export function mutateJson(chance: Chance, value: unknown, other: unknown): unknown {
  if (typeof value === 'object' && value !== null && !chance.once(6)) {
    const entries = Object.entries(value)
    const which = chance.below(Math.max(1, entries.length))
    const changed = entries.flatMap(([key, inner], i): [string, unknown][] => {
      if (i !== which) return [[key, inner]]
      const kind = chance.below(6)
      if (kind === 0) return []
      if (kind === 1)
        return [
          [key, inner],
          [chance.pick(ODD), inner],
        ]
      return [[key, mutateJson(chance, inner, other)]]
    })
    if (Array.isArray(value)) {
      const list = changed.map(([, inner]) => inner)
      return chance.once(8) ? [...list, ...list] : list
    }
    return Object.fromEntries(changed)
  }
  const kind = chance.below(8)
  if (kind < 3) return chance.pick(ODD)
  if (kind < 6)
    return chance.pick<unknown>([0, 1, -1, 1.5, 65_536, 2 ** 53, 1e308, null, true, [], {}, [[]]])
  return kind === 6
    ? other
    : typeof value === 'string'
      ? mutateText(chance, value, '', ODD)
      : `${value}`
}
