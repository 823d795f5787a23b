/**
 * A value of plain data and typed arrays as bytes, without a copy of the arrays:
 *
 *   bytes of the text u32 | the value as JSON, arrays as { "$": [type, bytes from, count] } | padding to 8 | arrays, each padded to 8
 *
 * Little-endian, as all machines are that run this.
 */

const TYPES = { Int32Array, Uint16Array, Uint8Array, Float64Array } as const
type Type = keyof typeof TYPES
type Cells = InstanceType<(typeof TYPES)[Type]>

const padded = (bytes: number) => (bytes + 7) & ~7

/** => parts, to be written one behind the other */
export function pack(value: unknown): Uint8Array[] {
  const arrays: Cells[] = []
  let end = 0
  const text = JSON.stringify(value, (_, item: unknown) => {
    if (!ArrayBuffer.isView(item)) return item
    const cells = item as Cells
    const from = end
    arrays.push(cells)
    end += padded(cells.byteLength)
    return { $: [cells.constructor.name, from, cells.length] }
  })
  const words = new TextEncoder().encode(text)
  const head = new Uint8Array(padded(4 + words.length))
  new DataView(head.buffer).setUint32(0, words.length, true)
  head.set(words, 4)
  const parts = [head]
  for (const { buffer, byteOffset, byteLength } of arrays) {
    parts.push(new Uint8Array(buffer, byteOffset, byteLength))
    const left = padded(byteLength) - byteLength
    if (left > 0) parts.push(new Uint8Array(left))
  }
  return parts
}

/** Throws Error if it is not what pack() writes. */
export function unpack(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 4) throw new Error('too short')
  const words = view.getUint32(0, true)
  const first = padded(4 + words)
  if (first > bytes.length) throw new Error('too short')
  const text = new TextDecoder().decode(bytes.subarray(4, 4 + words))
  return JSON.parse(text, (_, item: unknown) => {
    const place = (item as { $?: [Type, number, number] } | null)?.$
    return Array.isArray(place) ? cellsAt(bytes, first, place) : item
  })
}

function cellsAt(
  bytes: Uint8Array,
  first: number,
  [type, from, count]: [Type, number, number],
): Cells {
  const Cells = TYPES[type]
  if (Cells === undefined) throw new Error(`cells of an unknown type ${type}`)
  const length = count * Cells.BYTES_PER_ELEMENT
  if (!(from >= 0 && length >= 0 && first + from + length <= bytes.length))
    throw new Error('cells behind the end')
  const start = first + from
  // A copy, which lies where cells may.
  return new Cells(new Uint8Array(bytes.subarray(start, start + length)).buffer)
}
