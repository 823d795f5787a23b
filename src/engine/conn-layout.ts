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
 *   word      client MAC first 16 bits << 16 | jitter ms (10 bits) << 6 | UDP << 5 | RS seen << 4 | state (4 bits)
 *   binding   dest << 16 | client arm << 12 | LIP (12 bits)
 *
 * The client's first sequence number, which tells a SYN sent again from a new one, has a column of its own behind the index:
 * it is written and read for SYNs only.
 *
 * The time of opening, in ms, stands where nothing else is known yet: in rsIsn1 until the RS has been seen, and then in rstSeq
 * as long as the state is SYN_RECV.
 */

/** Cells of a record, of the IN tuple those of TUPLE as well. */
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
} as const

/** Cells of a tuple, as its packets carry them: source, destination, both ports. */
export const TUPLE = { SADDR: 0, DADDR: 1, PORTS: 2, NEXT: 3 } as const

export const CONN_CELLS = 16
export const CONN_BYTES = CONN_CELLS * 4

const STATE_BITS = 0xf
export const STATE_MASK = STATE_BITS
export const RS_SEEN = 0x10
const UDP_BIT = 0x20

/** What fits into a binding beside the RS, and keeps FREE apart from every one. */
export const ARMS_MAX = 15
export const LIPS_MAX = 4096

/** Binding of a record on the free list. */
export const FREE = -1

/**
 * The way to a cell. Modules of the packet's path take these as constants of their own, as they do numbers: what is imported is
 * loaded and checked at every use.
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
  /** ms in 0..999 drawn when the conn was opened: the fraction that stays in all its timeouts. */
  jitter: (word: number): number => (word >>> 6) & 0x3ff,
  dest: (binding: number): number => binding >>> 16,
  clientArm: (binding: number): number => (binding >>> 12) & 0xf,
  lip: (binding: number): number => binding & 0xfff,
} as const

/** The word of a new conn. */
export function firstWord(macHi: number, jitter: number, udp: boolean): number {
  return (macHi << 16) | (jitter << 6) | (udp ? UDP_BIT : 0)
}

/** The binding of a new conn. */
export function binding(dest: number, arm: number, lip: number): number {
  return (dest << 16) | (arm << 12) | lip
}
