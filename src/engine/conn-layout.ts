/**
 * The record of a connection: which cell says what, and which bits. Nothing else knows it.
 *
 * One record per cache line, 16 int32 cells (64 bytes), its two tuples side by side:
 *
 *    0 CIP      1 VIP      2 cport:vport   3 next       the IN tuple, as packets from the client carry it
 *    4 RIP      5 LIP      6 rport:lport   7 next       the OUT tuple, as packets from the RS carry it
 *    8 delta    9 word    10 binding      11 deadline
 *   12 rsIsn1  13 rstSeq  14 rstAck       15 client MAC, last 32 bits
 *
 * Where the RS gets the packets with the client's own address (NAT, DR, TUNNEL) LIP and lport are CIP and cport. Of DR and TUNNEL
 * nothing comes from the RS: the index has no OUT tuple of theirs, rstAck is the client's next number, rstSeq what it has acknowledged,
 * and the RS is seen when it has acknowledged anything.
 *
 * UDP needs no numbers of sequence: its delta and rstSeq are 0, rsIsn1 is the UOA sent, and rstAck what was last known of the
 * lport, whose next connection may be one of TCP again.
 *
 *   word      client MAC first 16 bits << 16 | jitter ms (10 bits) << 6 | ACK awaited << 5 | RS seen << 4 | state (4 bits)
 *   binding   in use (1 bit) << 31 | dest (15 bits) << 16 | client arm (4 bits) << 12 | kind (12 bits)
 *   kind      SYN proxied << 11 | header due << 10 | reserved for reset << 9, counted << 8 and slow << 7 | forwarding method (3 bits) << 4
 *             | family of OUT << 3 | family of IN << 2 | protocol (2 bits)
 *
 * A record counts if its binding says that it is in use: that is written last when a connection opens, and cleared first
 * when it closes, so what was broken off in between is no connection. Zeroed memory holds none.
 *
 * An address is one *word*: of IPv4 itself, of IPv6 a number that stands for one that is configured, or for a client's
 * a digest, whose four words are in the wide column. Whom hosts inside speak to over IPv6 nobody has configured either: VIP and RIP are
 * a digest below 0, as no word is, and its four words stand in the syn column, which SNAT has no other use for.
 *
 *   cold column   the client's ISN | ms of opening | LIP's place << 20 | generation (20 bits) | proxy       16 bytes a conn
 *   wide column   the client's address, where the layout has room for IPv6                                  16 bytes a conn
 *   syn column    cookie | what was agreed with its client | by how much the RS's numbers are moved | spare  16 bytes a conn
 *
 *   proxy     bytes of the client's own header (13 bits) << 19 | of that which the RS gets (7 bits) << 12 | of that which delta knows of
 *             (7 bits) << 5 | decided << 4 | acknowledged << 3 | one of PROXY; 0 without the PROXY protocol (proxy-space.ts)
 *
 *   agreed    SYNs to the RS that are left (7 bits) << 17 | SACK << 16 | place in the table of MSSs (4 bits) << 12 | scale of the RS's windows
 *             (4 bits) << 8 | that which the client was told for them << 4 | scale of the client's own; NO_SCALE is none
 *
 * What is cold is touched when a connection opens and in its handshake. What the syn column says counts with SYN_PROXIED only, but for
 * what SNAT over IPv6 has there. The generation is stepped each time a record is opened.
 */

import { PROTO } from '../wire/ipv4.ts'

/** Cells of a record. */
export const CELL = {
  CIP: 0,
  VIP: 1,
  CLIENT_PORTS: 2,
  IN_NEXT: 3,
  RIP: 4,
  LIP: 5,
  RS_PORTS: 6,
  OUT_NEXT: 7,
  DELTA: 8,
  WORD: 9,
  BINDING: 10,
  DEADLINE: 11,
  RS_ISN1: 12,
  RST_SEQ: 13,
  RST_ACK: 14,
  MAC_LO: 15,
  /** Of UDP: datagrams of the client that had UOA. */
  UOA_SENT: 12,
} as const

/** Cells of a tuple, as its packets carry them: source, destination, both ports. */
export const TUPLE = { SADDR: 0, DADDR: 1, PORTS: 2, NEXT: 3 } as const

export const CONN_CELLS = 16
export const CONN_BYTES = CONN_CELLS * 4

/** Cells of the cold column. */
export const COLD = { CLIENT_ISN: 0, OPENED: 1, LIP: 2, PROXY: 3 } as const
/** Of a conn in the cold and in the syn column, and of an address in the wide one. */
export const COLUMN_CELLS = 4
export const COLUMN_BYTES = COLUMN_CELLS * 4

/** Which columns a table has. */
export interface Layout {
  readonly wide: boolean
}
export const LAYOUT = { IPV4: { wide: false }, IPV6: { wide: true } } as const

/** What a packet is looked up by beside addresses and ports: its protocol, `| IPV6` for one of that family. */
export const KEY = { TCP: 0, UDP: 1, ICMP: 2, IPV6: 0b1100 } as const
/** The family (family.ts) of what a packet is looked up by. */
export function familyOfKey(key: number): number {
  return key >>> 3
}

/** How a conn is forwarded: a file of xmit/ each. */
export const METHOD = { FULLNAT: 0, NAT: 1, DR: 2, TUNNEL: 3, SNAT: 4 } as const
const METHOD_SHIFT = 4
/** Of a binding: any method but FULLNAT, whose packets have a path of their own (ways.ts). */
export const METHOD_BITS = 7 << METHOD_SHIFT
/** The same: NAT, DR or TUNNEL, whose RSs get the client's own address and port. */
export const AS_IS = 3 << METHOD_SHIFT
/** What those of SNAT are: of such a conn over IPv6 VIP and RIP are the address in the syn column. */
export const BY_SNAT = METHOD.SNAT << METHOD_SHIFT
/** The same: DR or TUNNEL, whose RSs answer past us. Such a conn has no OUT tuple that a packet could have. */
export const ONE_WAY = 2 << 4

export const PROTOCOL_BITS = 0b11
/** Of services, by these bits; what is of ICMP is that in both families. */
export const PROTOCOL_NUMBERS = [PROTO.TCP, PROTO.UDP, PROTO.ICMP] as const

/** Where what is counted of connections by state has a state of a protocol, which is that of one of KEY. */
export function stateCell(key: number, state: number): number {
  return ((key & PROTOCOL_BITS) << 4) | state
}
const IN_FAMILY = 0b100
const OUT_FAMILY = 0b1000

/**
 * Bits of the binding, and what they say of a conn whose client speaks IPv6 and whose RS IPv4 (NAT64). There is none the other way
 * round.
 */
export const FAMILIES = IN_FAMILY | OUT_FAMILY
export const SIX_TO_FOUR = IN_FAMILY

const STATE_BITS = 0xf
export const STATE_MASK = STATE_BITS
export const RS_SEEN = 0x10
/** The RS's SYN+ACK has passed, and the session log waits for the client's ACK. */
export const ACK_AWAITED = 0x20

/**
 * A bit of the binding: a header of the PROXY protocol is still to come to the RS, or numbers move by more than delta because the
 * client has sent one of its own.
 */
export const HEADER_DUE = 1 << 10

/** Another bit: the client's SYN was answered by a cookie, and its numbers of the RS are moved (syn-space.ts). */
export const SYN_PROXIED = 1 << 11
/** Packets of such a conn are more than translated. */
const NOT_PLAIN = HEADER_DUE | SYN_PROXIED
/** Bits of a binding at which the path of its packets forks: what is not 0 in them has a step more, or steps of its own. */
export const FORK = {
  FORKS: SYN_PROXIED | METHOD_BITS,
  UNUSUAL: NOT_PLAIN,
  WAYS: METHOD_BITS,
  BOTH_FAMILIES: FAMILIES,
  ACROSS: SIX_TO_FOUR,
} as const

/** The LIP of a conn with this binding is the client's own address, whose words of IPv6 are in the wide column. */
export function isClientsOwn(binding: number): boolean {
  return (binding & AS_IS) !== 0
}

/** Cells of the syn column. */
export const SYN_CELL = { COOKIE: 0, AGREED: 1, MOVED: 2 } as const
/** In place of a scale: windows are not scaled. */
export const NO_SCALE = 15

const [TOLD_SHIFT, RS_SHIFT, MSS_SHIFT, SACK_SHIFT, TRIES_SHIFT] = [4, 8, 12, 16, 17]

/** What the cell of the syn column says that both ends agree on. */
export const AGREED = {
  /** Of a client that has brought its cookie back. */
  first: (client: number, told: number, mss: number, sack: number, tries: number): number =>
    client |
    (told << TOLD_SHIFT) |
    (NO_SCALE << RS_SHIFT) |
    (mss << MSS_SHIFT) |
    (sack << SACK_SHIFT) |
    (tries << TRIES_SHIFT),
  client: (cell: number): number => cell & 15,
  told: (cell: number): number => (cell >>> TOLD_SHIFT) & 15,
  rs: (cell: number): number => (cell >>> RS_SHIFT) & 15,
  mss: (cell: number): number => (cell >>> MSS_SHIFT) & 15,
  sack: (cell: number): number => (cell >>> SACK_SHIFT) & 1,
  tries: (cell: number): number => cell >>> TRIES_SHIFT,
  tried: (cell: number): number => cell - (1 << TRIES_SHIFT),
  answered: (cell: number, rs: number): number => (cell & ~(15 << RS_SHIFT)) | (rs << RS_SHIFT),
} as const

/** Which header an RS gets in front of what a client sends; the insecure ones keep what a client says of itself. */
export const PROXY = { OFF: 0, V1: 1, V2: 2, V1_INSECURE: 3, V2_INSECURE: 4 } as const
const [PROXY_MODES, PROXY_ACKED, PROXY_DECIDED] = [7, 8, 16]
/** Bytes of the largest header of a client that is known as one. */
export const CLIENT_HEADER_MOST = 0x1fff

/** What the proxy cell says. */
export const HEADER = {
  /** Of a new conn: one of PROXY, and bytes of the header that its client is due. */
  first: (mode: number, bytes: number): number => (bytes << 12) | (bytes << 5) | mode,
  /** The first segment has come: the RS gets `bytes` bytes in place of the first `taken` of the client. */
  decided: (cell: number, taken: number, bytes: number): number =>
    (taken << 19) | (bytes << 12) | (cell & 0xfe7) | PROXY_DECIDED,
  /** Another SYN begins another stream. */
  anew: (cell: number): number => ((cell & 0xfe0) << 7) | (cell & 0xfe7),
  acked: (cell: number): number => cell | PROXY_ACKED,
  pending: (cell: number): number => cell & ~PROXY_ACKED,
  mode: (cell: number): number => cell & PROXY_MODES,
  isDecided: (cell: number): boolean => (cell & PROXY_DECIDED) !== 0,
  /** The RS has acknowledged all of it. */
  isAcked: (cell: number): boolean => (cell & PROXY_ACKED) !== 0,
  /** Bytes that are part of delta from the beginning. */
  known: (cell: number): number => (cell >>> 5) & 0x7f,
  /** Bytes of what the RS gets. */
  bytes: (cell: number): number => (cell >>> 12) & 0x7f,
  /** Bytes of what the client has sent in its place. */
  taken: (cell: number): number => cell >>> 19,
  /** Cell and binding of a conn go with one another. */
  isPossible: (cell: number, binding: number): boolean =>
    (cell & PROXY_MODES) <= PROXY.V2_INSECURE && (cell !== 0 || (binding & HEADER_DUE) === 0),
} as const

const IN_USE = 1 << 31
/** Bits of a LIP's place, which stand above the generation. */
const LIP_SHIFT = 20
const GENERATION_BITS = (1 << LIP_SHIFT) - 1

/** What fits in beside each other. */
export const DESTS_MAX = 1 << 15
/** Four bits hold one more. */
export const ARMS_MAX = 15
export const LIPS_MAX = (1 << (32 - LIP_SHIFT)) - 1
/** The place of a conn's LIP that has none. */
export const NO_LIP = LIPS_MAX

/**
 * The way to a cell, and to what its bits say. Modules of the packet's path take these as constants of their own, as they do
 * numbers: what is imported is loaded and checked at every use.
 */
export const RECORD = {
  /** First cell of a conn. */
  at: (conn: number): number => conn << 4,
  /** First cell of the conn that tuple t is of. */
  of: (t: number): number => (t >> 1) << 4,
  /** First cell of tuple t. */
  tuple: (t: number): number => ((t >> 1) << 4) | ((t & 1) << 2),
  /** First cell of the other direction's tuple. */
  peer: (t: number): number => ((t >> 1) << 4) | (~(t << 2) & 4),
  /** The conn whose record begins at a cell. */
  conn: (at: number): number => at >> 4,
  /** First cell of a conn in the cold, in the wide and in the syn column. */
  column: (conn: number): number => conn << 2,
  /** ms in 0..999 drawn when the conn was opened: the fraction that stays in all its timeouts. */
  jitter: (word: number): number => (word >>> 6) & 0x3ff,
  inUse: (binding: number): boolean => binding < 0,
  dest: (binding: number): number => (binding >>> 16) & 0x7fff,
  clientArm: (binding: number): number => (binding >>> 12) & 0xf,
  /** One of METHOD. */
  method: (binding: number): number => (binding >>> 4) & 7,
  /**
   * Tuple t of a conn with this binding is of the protocol (bits 0 and 1) and the family (bit 2 of IN, 3 of OUT) that a packet
   * is looked up by. In plain numbers it is small enough for V8 to inline it whatever else there is.
   */
  fits: (binding: number, key: number, t: number): boolean =>
    ((binding ^ key) & (3 | (4 << (t & 1)))) === 0,
  /** What packets of tuple t of a conn with this binding are looked up by. */
  key: (binding: number, t: number): number =>
    (binding & PROTOCOL_BITS) | ((binding & (IN_FAMILY << (t & 1))) === 0 ? 0 : KEY.IPV6),
  /** Place of the LIP in its cold cell. */
  lip: (cold: number): number => cold >>> LIP_SHIFT,
  generation: (cold: number): number => cold & GENERATION_BITS,
} as const

/** The kind of a conn whose packets are looked up by these on their way in and out, forwarded by one of METHOD. */
export function kindOf(inKey: number, outKey: number, method: number): number {
  return (inKey & ~OUT_FAMILY) | (outKey & OUT_FAMILY) | (method << 4)
}

/** The word of a new conn. */
export function firstWord(macHi: number, jitter: number): number {
  return (macHi << 16) | (jitter << 6)
}

/** The binding of a conn in use. */
export function binding(kind: number, dest: number, arm: number): number {
  return IN_USE | (dest << 16) | (arm << 12) | kind
}

/** The cold cell of a record that is opened with this LIP, from what stood there. */
export function openedWith(lip: number, before: number): number {
  return (lip << LIP_SHIFT) | ((before + 1) & GENERATION_BITS)
}
