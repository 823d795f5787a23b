/** Datagrams of QUIC as far as somebody in between sees them, with connection IDs that name an RS. */

import { ip } from './frame.ts'

export interface Named {
  address: string
  /** How many of the last bytes of the address are said. */
  bytes: number
  port?: number
  /** Of the whole ID. */
  length?: number
}

/** An ID that names an RS: anything, length and flag in four bits, address and port, anything. */
export function connectionId({ address, bytes, port, length = 0 }: Named): Uint8Array {
  const binary = (value: number, digits: number) => value.toString(2).padStart(digits, '0')
  let bits = binary(0xa5, 8) + binary(bytes - 1, 3) + binary(port === undefined ? 0 : 1, 1)
  for (const byte of ip(address).slice(-bytes)) bits += binary(byte, 8)
  if (port !== undefined) bits += binary(port, 16)
  const whole = bits.padEnd(Math.max(Math.ceil(bits.length / 8), 7, length) * 8, '10')
  return Uint8Array.from(whole.match(/.{8}/g) ?? [], byte => Number.parseInt(byte, 2))
}

const REST = new Uint8Array(20).fill(0x5a)

/** A packet of a conversation (RFC 9000 17.3.1). */
export function shortHeader(id: Uint8Array, rest: Uint8Array = REST): Uint8Array {
  return Uint8Array.of(0x43, ...id, ...rest)
}

/** One that begins it, of some version (RFC 8999 5.1); the sender's own ID has no bytes. */
export function longHeader(
  id: Uint8Array,
  version = [0, 0, 0, 1],
  rest: Uint8Array = REST,
): Uint8Array {
  return Uint8Array.of(0xc3, ...version, id.length, ...id, 0, ...rest)
}
