/**
 * Frames for tests, made and checked without the product's own checksum code: a mistake there must not cancel out
 * here. Addresses are text, everything else numbers in host order.
 */

export interface TcpFields {
  src: string
  dst: string
  sport: number
  dport: number
  /** Letters of tcpdump: S F R P . U E W; '' for none. */
  flags: string
  seq: number
  ack?: number
  win?: number
  options?: Uint8Array
  payload?: Uint8Array
  urgent?: number
  ttl?: number
  tos?: number
  id?: number
  df?: boolean
  ipOptions?: Uint8Array
  srcMac?: string
  dstMac?: string
}

const FLAG_LETTERS = 'FSRP.UEW'

export function flagBits(letters: string): number {
  let bits = 0
  for (const letter of letters) {
    const bit = FLAG_LETTERS.indexOf(letter)
    if (bit < 0) throw new Error(`no TCP flag ${letter}`)
    bits |= 1 << bit
  }
  return bits
}

/** The bytes of an address of either family. */
export function ip(text: string): number[] {
  if (!text.includes(':')) return text.split('.').map(Number)
  const [head, tail] = text.split('::').map(groups)
  if (tail === undefined) return head
  return [...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail]
}

function groups(text: string): number[] {
  if (text === '') return []
  return text
    .split(':')
    .flatMap(part => (part.includes('.') ? ip(part) : be16(Number(`0x${part}`))))
}

export function mac(text: string): number[] {
  return text.split(':').map(part => Number.parseInt(part, 16))
}

/** RFC 1071 over bytes, the slow and plain way. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) sum += i & 1 ? bytes[i] : bytes[i] * 256
  while (sum > 0xffff) sum = (sum % 65_536) + Math.floor(sum / 65_536)
  return 0xffff - sum
}

function be16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255]
}

function be32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

export function ethernet(dst: string, src: string, type: number, body: Uint8Array): Uint8Array {
  return Uint8Array.from([...mac(dst), ...mac(src), ...be16(type), ...body])
}

export interface Ipv4Fields {
  src: string
  dst: string
  protocol: number
  ttl?: number
  tos?: number
  id?: number
  /** The whole flags and fragment offset word. */
  fragment?: number
  options?: Uint8Array
}

export function ipv4(fields: Ipv4Fields, body: Uint8Array): Uint8Array {
  const options = fields.options ?? new Uint8Array()
  const header = Uint8Array.from([
    0x40 | (5 + options.length / 4),
    fields.tos ?? 0,
    ...be16(20 + options.length + body.length),
    ...be16(fields.id ?? 1),
    ...be16(fields.fragment ?? 0x4000),
    fields.ttl ?? 64,
    fields.protocol,
    0,
    0,
    ...ip(fields.src),
    ...ip(fields.dst),
    ...options,
  ])
  header.set(be16(checksum(header)), 10)
  return concat(header, body)
}

export interface Ipv6Fields {
  src: string
  dst: string
  /** Of what is inside; in front of it stand the extension headers. */
  next: number
  hopLimit?: number
  trafficClass?: number
  flow?: number
  extensions?: readonly Extension[]
}

/** An extension header, from the byte behind its next header on. */
export interface Extension {
  kind: number
  rest: Uint8Array
}

export function ipv6(fields: Ipv6Fields, body: Uint8Array): Uint8Array {
  const { src, dst, next, extensions = [], trafficClass = 0, flow = 0 } = fields
  const kinds = [...extensions.map(({ kind }) => kind), next]
  const headers = extensions.map(({ rest }, i) => concat(Uint8Array.of(kinds[i + 1]), rest))
  const inside = concat(...headers, body)
  const header = Uint8Array.from([
    ...be32(((6 << 28) | (trafficClass << 20) | flow) >>> 0),
    ...be16(inside.length),
    kinds[0],
    fields.hopLimit ?? 64,
    ...ip(src),
    ...ip(dst),
  ])
  return concat(header, inside)
}

/** The fragment header: offset in bytes. */
export function fragmentHeader(offset: number, more: boolean, id: number): Extension {
  return { kind: 44, rest: Uint8Array.from([0, ...be16(offset | (more ? 1 : 0)), ...be32(id)]) }
}

/** A message of ICMPv6 with its checksum, from the type on; `body` stands behind the checksum. */
export function icmpv6(
  ends: { src: string; dst: string },
  type: number,
  code: number,
  body: Uint8Array,
): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), body)
  const pseudo = pseudoHeader(ip(ends.src), ip(ends.dst), 58, message.length)
  message.set(be16(checksum(concat(pseudo, message))), 2)
  return message
}

/** Sum-ready pseudo header of TCP (RFC 9293 section 3.1), of IPv6 as RFC 8200 8.1 has it. */
export function pseudoHeader(
  src: number[],
  dst: number[],
  protocol: number,
  bytes: number,
): Uint8Array {
  if (src.length === 16) return Uint8Array.from([...src, ...dst, ...be32(bytes), 0, 0, 0, protocol])
  return Uint8Array.from([...src, ...dst, 0, protocol, ...be16(bytes)])
}

export function tcp(fields: TcpFields): Uint8Array {
  const options = fields.options ?? new Uint8Array()
  const payload = fields.payload ?? new Uint8Array()
  if (options.length % 4) throw new Error('options are not padded to words')
  const segment = concat(
    Uint8Array.from([
      ...be16(fields.sport),
      ...be16(fields.dport),
      ...be32(fields.seq),
      ...be32(fields.ack ?? 0),
      (5 + options.length / 4) << 4,
      flagBits(fields.flags),
      ...be16(fields.win ?? 29_200),
      0,
      0,
      ...be16(fields.urgent ?? 0),
    ]),
    options,
    payload,
  )
  const pseudo = pseudoHeader(ip(fields.src), ip(fields.dst), 6, segment.length)
  segment.set(be16(checksum(concat(pseudo, segment))), 16)
  return segment
}

/** A segment in a packet of either family, from the IP header on. */
export function tcpPacket(fields: TcpFields): Uint8Array {
  const { src, dst, ttl = 64, tos = 0, id = 1, df = true } = fields
  if (src.includes(':'))
    return ipv6({ src, dst, next: 6, hopLimit: ttl, trafficClass: tos }, tcp(fields))
  const options = fields.ipOptions ?? new Uint8Array()
  const fragment = df ? 0x4000 : 0
  return ipv4({ src, dst, protocol: 6, ttl, tos, id, fragment, options }, tcp(fields))
}

/** A whole Ethernet frame with a complete checksum. */
export function tcpFrame(fields: TcpFields & { srcMac: string; dstMac: string }): Uint8Array {
  const { src, srcMac, dstMac } = fields
  return ethernet(dstMac, srcMac, src.includes(':') ? 0x86dd : 0x0800, tcpPacket(fields))
}

export function arpFrame(
  op: number,
  sender: { mac: string; ip: string },
  target: { mac: string; ip: string },
  dstMac: string,
): Uint8Array {
  const body = Uint8Array.from([
    0,
    1,
    8,
    0,
    6,
    4,
    0,
    op,
    ...mac(sender.mac),
    ...ip(sender.ip),
    ...mac(target.mac),
    ...ip(target.ip),
  ])
  return ethernet(dstMac, sender.mac, 0x0806, body)
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The ten bytes in front of a frame; the default says: one segment, complete checksum. */
export interface VnetFields {
  flags?: number
  gsoType?: number
  hdrLen?: number
  gsoSize?: number
  csumStart?: number
  csumOffset?: number
}

export function vnetHeader(fields: VnetFields = {}): Uint8Array {
  const le16 = (value = 0) => [value & 255, value >>> 8]
  return Uint8Array.from([
    fields.flags ?? 0,
    fields.gsoType ?? 0,
    ...le16(fields.hdrLen),
    ...le16(fields.gsoSize),
    ...le16(fields.csumStart),
    ...le16(fields.csumOffset),
  ])
}

/**
 * Makes the frame, over IPv6 without extension headers, what a kernel with offloads hands over: checksum field = folded pseudo-header sum, NEEDS_CSUM, and
 * GSO fields when `gsoSize` is given.
 */
export function offload(frame: Uint8Array, gsoSize = 0): Uint8Array {
  const copy = frame.slice()
  const isSix = copy[12] === 0x86
  const tcpAt = 14 + (isSix ? 40 : (copy[14] & 15) * 4)
  const ends = isSix ? [22, 38, 54] : [26, 30, 34]
  const [src, dst] = [copy.slice(ends[0], ends[1]), copy.slice(ends[1], ends[2])]
  const pseudo = pseudoHeader([...src], [...dst], 6, copy.length - tcpAt)
  copy.set(be16(0xffff - checksum(pseudo)), tcpAt + 16)
  const headers = tcpAt + (copy[tcpAt + 12] >> 4) * 4
  const vnet = vnetHeader({
    flags: 1,
    csumStart: tcpAt,
    csumOffset: 16,
    gsoType: gsoSize ? (isSix ? 4 : 1) : 0,
    gsoSize,
    hdrLen: gsoSize ? headers : 0,
  })
  return concat(vnet, copy)
}
