/** TCP header and options (RFC 9293 section 3.1); offsets are from the header's first byte. */

export const TCP = {
  SPORT: 0,
  DPORT: 2,
  SEQ: 4,
  ACK: 8,
  OFFSET: 12,
  FLAGS: 13,
  WINDOW: 14,
  CHECKSUM: 16,
  URGENT: 18,
  HEADER: 20,
  /** 15 words, the most that the data offset can say. */
  HEADER_MAX: 60,
} as const

export const FLAG = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 } as const

/** Option kinds (IANA). TOA is 254, an experimental number (RFC 4727) that RS modules look for. */
export const OPT = {
  EOL: 0,
  NOP: 1,
  MSS: 2,
  WSCALE: 3,
  SACK_OK: 4,
  SACK: 5,
  TIMESTAMP: 8,
  MPTCP: 30,
  /** RFC 7413; before it had a number of its own it was kind 254 with TFO_MAGIC. */
  TFO: 34,
  TOA: 254,
} as const

/** What an experiment of kind 254 begins with if it is TCP Fast Open (RFC 6994, RFC 7413 appendix A). */
const TFO_MAGIC = 0xf989

/** Bytes of the TOA option for an IPv4 client: kind, length, port, address. */
export const TOA_BYTES = 8
/** The same for an IPv6 client. */
export const TOA6_BYTES = 20

/** The word `nop nop timestamp(10)` that begins the options of nearly every segment of a Linux sender. */
export const NOP_NOP_TIMESTAMP = 0x0101080a

/** Data offset in bytes, 0..60; the caller checks 20 and the packet's end. */
export function headerLength(pkt: DataView, tcp: number): number {
  return (pkt.getUint8(tcp + TCP.OFFSET) & 0xf0) >>> 2
}

/**
 * Length of the option at `at`, whose list ends at `end`: 1 for NOP, 0 when there is nothing more to read (EOL,
 * a length below 2, or one that points beyond the header: every TCP stops parsing there).
 */
export function optionLength(pkt: DataView, at: number, end: number): number {
  const kind = pkt.getUint8(at)
  if (kind === OPT.NOP) return 1
  if (kind === OPT.EOL || at + 1 >= end) return 0
  const length = pkt.getUint8(at + 1)
  return length < 2 || at + length > end ? 0 : length
}

/**
 * The whole option at `at` is TCP Fast Open in its experimental form, and none that an RS module may take for a TOA: those have 8
 * bytes for IPv4 and 20 for IPv6, whatever they begin with.
 */
export function isTfoExperiment(pkt: DataView, at: number, length: number): boolean {
  if (length < 4 || length === TOA_BYTES || length === TOA6_BYTES) return false
  return pkt.getUint8(at) === OPT.TOA && pkt.getUint16(at + 2) === TFO_MAGIC
}

/** Offset of the first option of `kind` with exactly `length` bytes in [at, end), or -1. */
export function findOption(
  pkt: DataView,
  at: number,
  end: number,
  kind: number,
  length: number,
): number {
  for (let bytes = 0; at < end; at += bytes) {
    bytes = optionLength(pkt, at, end)
    if (bytes === 0) return -1
    if (bytes === length && pkt.getUint8(at) === kind) return at
  }
  return -1
}
