/** What a host has beside TCP: ports of UDP, ICMP both ways, fragments, and what it has learned of paths (RFC 1191). */

import type { Flow } from './entries.ts'
import type { Host } from './host.ts'
import { type Datagram, icmpFrame, Joiner, pieces, readUdp, udpFrame } from './ip.ts'
import { fault, get16, get32, IP_AT, isFragment, put16, UOA_PROTOCOL } from './packet.ts'
import { Code, errorAbout, Icmp, isBlamable, type Quote, readQuote, Sent } from './quote.ts'

/** Whoever has a port. */
export interface Port {
  hear(d: Datagram): void
  /** An error about a datagram that it has sent. */
  error(quote: Quote): void
}

/** How the network tells frames apart, and what is known of them. */
export interface Owned {
  key: number
  flow?: Flow
  /** An RS's: which ends, as Entries has it. */
  ends?: number
  /** Without a checksum of UDP, which must not be spoilt: nobody could know. */
  bare?: boolean
  /** The name by which the balancer must drop it. */
  expected?: string
}

export interface Means {
  now: () => number
  fail: (rule: string, what: string) => never
  /** An error about what a host has never sent so: of an entry that has just been replaced, or something spoilt that has waited? */
  isLate: (host: Host, quote: Quote) => boolean
  /** Beside its peer, of whom errors may be: routers that are not hidden. */
  routers: readonly number[]
  /** Its wire has IPv6. */
  isSix: boolean
  /** It answers pings itself. */
  pongs: boolean
}

const MTU = 1500
/** Less by what IPv6 has more in front of a fragment: such a host makes nothing that would not fit there. */
const MTU_OF_SIX = MTU - 28
/** What Linux takes when a router does not say (min_pmtu). */
const MTU_UNSAID = 552
/** IDs of datagrams are of the host's own, so that no two have the same behind one LIP. */
const IDS = 4096

export class Stack {
  readonly host: Host
  readonly ports = new Map<number, Port>()
  readonly #means: Means
  readonly #joiner = new Joiner()
  readonly #sent = new Sent()
  readonly #paths = new Map<number, number>()
  readonly #firstId: number
  #ids = 0
  /** Called with answers of pings. */
  pong: ((from: number, message: Uint8Array) => void) | undefined
  /** Its applications are gone. */
  isDeaf = false
  heard = 0

  constructor(host: Host, index: number, means: Means) {
    this.host = host
    this.#means = means
    this.#firstId = 1 + index * IDS
  }

  /** That it speaks by: the VIP, where it answers clients itself. */
  get address(): number {
    return this.host.addresses.at(-1) as number
  }

  /** What its packets to `dst` may have. */
  mtu(dst: number): number {
    return this.#paths.get(dst) ?? (this.#means.isSix ? MTU_OF_SIX : MTU)
  }

  /** Sends a datagram, in fragments if it must. With `df` it has to fit the path. */
  say(
    dst: number,
    ports: readonly [number, number],
    payload: Uint8Array,
    how: { sum: boolean; df: boolean; ttl: number },
    owned: Owned,
  ): void {
    const sum = how.sum || this.#means.isSix
    const frame = udpFrame(this.#way(dst), ports[0], ports[1], payload, {
      ...how,
      sum,
      id: this.#id(),
    })
    this.#out(frame, dst, { ...owned, bare: !sum })
  }

  /** A message of ICMP whose checksum is 0. */
  ping(dst: number, message: Uint8Array, owned: Owned): void {
    const how = { id: this.#id(), df: false, ttl: 64 }
    this.#out(icmpFrame(this.#way(dst), message, how), dst, owned)
  }

  /** A packet of its own leaves. */
  note(bytes: Uint8Array): void {
    this.#sent.note(bytes)
  }

  /** A frame of IP has come. */
  take(bytes: Uint8Array): void {
    if (fault(bytes) !== undefined) return
    const whole = isFragment(bytes) ? this.#joiner.add(bytes, this.#means.now()) : bytes
    if (whole === undefined || fault(whole) !== undefined) return
    if (!this.host.addresses.includes(get32(whole, IP_AT + 16))) return
    const protocol = whole[IP_AT + 9]
    if (protocol === 6) this.host.tcp(whole)
    else if (protocol === 1) this.#icmp(whole)
    else if (protocol === 17 || protocol === UOA_PROTOCOL) this.#udp(whole)
  }

  #udp(bytes: Uint8Array): void {
    const d = readUdp(bytes)
    if (typeof d === 'string') this.#means.fail('uoa', d)
    const port = this.isDeaf ? undefined : this.ports.get(d.dport)
    if (port !== undefined) {
      port.hear(d)
      return
    }
    if (bytes[IP_AT + 9] !== 17 || !isBlamable(bytes)) return
    const what = [Icmp.UNREACHABLE, Code.PORT] as const
    const error = errorAbout(bytes, this.#way(d.src), what, 0, 548)
    this.#out(error, d.src, { key: 3 })
  }

  #icmp(bytes: Uint8Array): void {
    const at = IP_AT + 20
    const type = bytes[at] as number
    if (type === Icmp.ECHO_REPLY) {
      this.pong?.(get32(bytes, IP_AT + 12), bytes.subarray(at, IP_AT + get16(bytes, IP_AT + 2)))
      return
    }
    if (type === Icmp.ECHO) {
      if (this.#means.pongs) this.#pong(bytes)
      return
    }
    const quote = readQuote(bytes)
    if (typeof quote === 'string') this.#means.fail('quote', quote)
    this.heard++
    if (quote.src !== this.address) this.#means.fail('quote', `of ${quote.src >>> 0}`)
    if (quote.protocol === 1) return
    if (quote.from !== quote.dst && !this.#means.routers.includes(quote.from)) {
      this.#means.fail('quote', `the error is from ${quote.from >>> 0}`)
    }
    if (quote.isWrong || !this.#sent.has(quote)) {
      if (this.#means.isLate(this.host, quote)) return
      this.#means.fail('quote', `of what was never sent: ${JSON.stringify(quote)}`)
    }
    this.#believe(quote)
  }

  #pong(bytes: Uint8Array): void {
    const message = bytes.slice(IP_AT + 20, IP_AT + get16(bytes, IP_AT + 2))
    message[0] = Icmp.ECHO_REPLY
    put16(message, 2, 0)
    this.ping(get32(bytes, IP_AT + 12), message, { key: get16(message, 4) })
  }

  #believe(quote: Quote): void {
    const { type, code, mtu, dst, protocol, ports } = quote
    const [own, other] = [ports >>> 16, ports & 0xffff]
    const isNarrow = type === Icmp.UNREACHABLE && code === Code.FRAG_NEEDED
    if (isNarrow) {
      const most = Math.max(mtu, MTU_UNSAID)
      if (most < this.mtu(dst)) this.#paths.set(dst, most)
    }
    if (protocol === 17) this.ports.get(own)?.error(quote)
    else if (isNarrow) this.host.find(dst, other, own)?.narrow(this.mtu(dst) - 40)
  }

  #way(dst: number) {
    const { host } = this
    return { dstMac: host.gateway, srcMac: host.mac, src: this.address, dst }
  }

  #id(): number {
    this.#ids = (this.#ids + 1) % IDS
    return this.#firstId + this.#ids
  }

  #out(frame: Uint8Array, dst: number, owned: Owned): void {
    const isWhole = get16(frame, IP_AT + 2) <= this.mtu(dst)
    for (const piece of isWhole ? [frame] : pieces(frame, this.mtu(dst))) {
      this.host.emit(piece, owned)
    }
  }
}
