/** What arms of a world have on their wires, and what hosts read of it: IPv6 (six.ts), and headers that tunnels put in front. */

import type { Host } from './host.ts'
import { Joiner } from './ip.ts'
import { frame, get16, get32, IP_AT, ipHeader, isFragment, macAt, TUNNELS } from './packet.ts'
import { isSix, toFour, toSix } from './six.ts'
import type { Way } from './ways.ts'

export class Wire {
  readonly #way: Way
  readonly #joiners = new Map<Host, Joiner>()
  readonly #now: () => number

  constructor(way: Way, now: () => number) {
    this.#way = way
    this.#now = now
  }

  /** A frame of a host as it leaves on this arm; undefined if there it is none. */
  put(arm: number, bytes: Uint8Array): Uint8Array | undefined {
    return this.#way.six[arm] ? toSix(bytes) : bytes
  }

  /** A frame as hosts, and those who judge, read it; in a tunnel the header in front. */
  read(bytes: Uint8Array): Uint8Array {
    return isSix(bytes) ? toFour(bytes) : bytes
  }

  /** The same, and of a whole packet in a tunnel what is inside. */
  look(bytes: Uint8Array): Uint8Array {
    const outer = this.read(bytes)
    return isTunnelled(outer) && !isFragment(outer) ? inside(outer) : outer
  }

  /** What read() has given, at the end of a tunnel; undefined of a fragment that is not the last one, or of what is for another. */
  open(host: Host, outer: Uint8Array): Uint8Array | undefined {
    if (!isTunnelled(outer)) return outer
    if (get32(outer, IP_AT + 16) !== host.addresses[0]) return undefined
    if (!isFragment(outer)) return inside(outer)
    const joiner = this.#joiners.get(host) ?? new Joiner()
    this.#joiners.set(host, joiner)
    const whole = joiner.add(outer, this.#now())
    return whole && inside(whole)
  }
}

function isTunnelled(bytes: Uint8Array): boolean {
  return get16(bytes, 22) === 0x0800 && TUNNELS.has(bytes[IP_AT + 9] as number)
}

function inside(outer: Uint8Array): Uint8Array {
  const packet = outer.subarray(IP_AT + ipHeader(outer), IP_AT + get16(outer, IP_AT + 2))
  const type = outer[IP_AT + 9] === 4 ? 0x0800 : 0x86dd
  const out = frame(macAt(outer, 10), macAt(outer, 16), type, packet.length)
  out.set(packet, IP_AT)
  return type === 0x0800 ? out : toFour(out)
}
