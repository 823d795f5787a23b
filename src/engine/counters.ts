/**
 * Every reason to refuse a frame and every event worth a number: the one list, names and indices.
 *
 * A verdict is an int: >= 0 the arm to send on, PARKED or DONE, or minus a drop reason. So the engine's answer to a
 * frame *is* the name of what happened to it, and nothing is dropped without one.
 */

import type { DropBook } from './drop-book.ts'
import { HANDSHAKE_BOUNDS, HANDSHAKE_CELLS } from './handshake-cells.ts'

/** The engine keeps the slot (it waits for a neighbour). */
export const PARKED = -1
/** The frame did its work here (an ARP reply learned); the slot is free. */
export const DONE = -2
/** HAND_OVER - w: the packet belongs to worker w (index from 0), and so does the slot from now on. */
export const HAND_OVER = -1000

/**
 * Drop reasons, in the order of their numbers, which start behind PARKED and DONE, and go on from 128 to 191 behind the events; their
 * names in lower case are those of the counters.
 */
export const Drop = {
  ETH_RUNT: 3,
  ETH_OTHERHOST: 4,
  ETH_NOT_UNICAST: 5,
  ETH_VLAN: 6,
  ETH_TYPE: 7,
  VNET_HEADER: 8,
  ARP_HEADER: 9,
  ARP_NOT_OURS: 10,
  ARP_UNSOLICITED: 11,
  ARP_CLAIMS_OURS: 12,
  IP_HEADER: 13,
  IP_CHECKSUM: 14,
  IP_TRUNCATED: 15,
  IP_FRAGMENT: 16,
  IP_TTL: 17,
  IP_PROTOCOL: 18,
  IP_SOURCE: 19,
  IP_TOO_BIG: 20,
  ICMP_HEADER: 21,
  ICMP_CHECKSUM: 22,
  ICMP_TYPE: 23,
  ICMP_NOT_OURS: 24,
  TCP_HEADER: 25,
  TCP_NO_SERVICE: 26,
  TCP_NO_CONN: 27,
  TCP_NO_RS: 28,
  CONN_TABLE_FULL: 29,
  LPORT_EXHAUSTED: 30,
  NEIGH_TABLE_FULL: 31,
  NEIGH_QUEUE_FULL: 32,
  NEIGH_UNRESOLVED: 33,
  TX_QUEUE_FULL: 34,
  TX_ARM_DOWN: 35,
  TX_ERROR: 36,
  NO_BUFFER: 37,
  IMPAIRED: 38,
  HAND_OVER_FULL: 39,
  STOPPING: 40,
  TCP_NO_LIP: 41,
  TCP_CHECKSUM: 42,
  UDP_HEADER: 43,
  UDP_CHECKSUM: 44,
  UDP_NO_SERVICE: 45,
  UDP_NO_RS: 46,
  UDP_NO_LIP: 47,
  FRAGMENT_LENGTH: 48,
  FRAGMENT_TINY: 49,
  FRAGMENT_PAST_END: 50,
  FRAGMENT_OVERLAP: 51,
  FRAGMENT_MISFIT: 52,
  FRAGMENT_TOO_MANY: 53,
  FRAGMENT_NO_ROOM: 54,
  FRAGMENT_TIMEOUT: 55,
  CLIENT_SHARE: 56,
  TCP_PROXY_ORDER: 57,
  ENGINE_ERROR: 59,
  WORKER_LOST: 60,
  ICMP_QUOTE: 61,
  ICMP_NO_CONN: 62,
  ICMP_SEQUENCE: 63,
  IP_EXTENSION: 128,
  ND_HEADER: 129,
  ND_NOT_OURS: 130,
  ND_UNSOLICITED: 131,
  ND_CLAIMS_OURS: 132,
  NAT64_EXTENSION: 139,
  ACL_DENIED: 140,
  ACL_NOT_ALLOWED: 141,
  SERVICE_RATE: 142,
  CLIENT_RATE: 143,
  SYN_PROXY_WAITS: 150,
  SYN_PROXY_QUEUE: 151,
  NAT_TAKEN: 160,
  NEIGH_SHARE: 165,
  ICMP_NO_RS: 166,
} as const

/** Events that are not drops. */
export const Event = {
  CONNS_OPENED: 64,
  CONNS_EXPIRED: 65,
  TOA_ADDED: 66,
  TOA_NO_ROOM: 67,
  TOA_MTU: 68,
  TOA_FORGED: 69,
  RST_ON_EXPIRY: 70,
  RST_BARE_ACK: 71,
  ARP_REPLIES: 72,
  ARP_REQUESTS: 73,
  ARP_GRATUITOUS: 74,
  NEIGH_LEARNED: 75,
  NEIGH_MOVED: 76,
  NEIGH_FAILED: 77,
  ICMP_ECHO_REPLIES: 78,
  SYN_REUSED: 79,
  TRACE_LOST: 80,
  RX_ERRORS: 81,
  ARM_REATTACHED: 82,
  HANDED_OVER: 83,
  RST_NO_RS: 84,
  RST_ON_CUT: 85,
  REASSEMBLED: 86,
  FRAGMENTED: 87,
  SYN_RESCHEDULED: 88,
  RST_ON_REUSE: 89,
  PERSISTENCE_LOCKED: 90,
  UOA_ADDED: 91,
  UOA_ALONE: 92,
  UOA_NO_BUFFER: 93,
  HALF_OPEN_EVICTED: 94,
  NEIGH_FLAPS: 95,
  QUIC_BY_ID: 96,
  ICMP_TRANSLATED: 100,
  ICMP_MTU_LOWERED: 101,
  ICMP_FRAG_NEEDED: 102,
  ICMP_TIME_EXCEEDED: 103,
  ICMP_PORT_UNREACHABLE: 104,
  ICMP_HOST_UNREACHABLE: 105,
  ICMP_LIMITED: 106,
  PROXY_ADDED: 107,
  PROXY_ALONE: 108,
  PROXY_REPLACED: 109,
  PROXY_KEPT: 110,
  PROXY_NO_ROOM: 111,
  ND_REPLIES: 112,
  ND_REQUESTS: 113,
  ND_ANNOUNCED: 114,
  MLD_REPORTS: 115,
  ACL_ENDED: 116,
  SCHEDULER_OUT: 119,
  ENGINE_FAULTS: 120,
  WORKER_RESTARTS: 121,
  SYN_COOKIES_SENT: 122,
  SYN_COOKIES_GOOD: 123,
  SYN_COOKIES_BAD: 124,
  SYN_PROXY_RETRIES: 125,
  SYN_PROXY_GAVE_UP: 126,
} as const

/** Per-arm counters, `arm * ARM_CELLS + cell` in the arms' array. */
export const ArmCell = {
  RX_PACKETS: 0,
  RX_BYTES: 1,
  TX_PACKETS: 2,
  TX_BYTES: 3,
  RX_DROPS: 4,
  TX_DROPS: 5,
} as const
/** What is at present, not counted: written once a turn of the loop. */
export const Gauge = { CONNS_USED: 0, FRAMES_FREE: 1, TRACE_LOST: 2, TURNS: 3 } as const

export const ARM_CELLS = 8
/** Drop reasons are below the first event, and from 128 on behind the last one. */
const EVENT_CELLS = 192
/** Of states 16 of each protocol of KEY. */
const [GAUGE_CELLS, STATE_CELLS, NEIGH_CELLS] = [8, 64, 8]
const [HANDSHAKE_SUM, HANDSHAKES] = [HANDSHAKE_CELLS - 1, 2]

/** Where each array begins, in cells. */
const AT = {
  GAUGES: EVENT_CELLS,
  STATES: EVENT_CELLS + GAUGE_CELLS,
  NEIGHBOURS: EVENT_CELLS + GAUGE_CELLS + STATE_CELLS,
  HANDSHAKES: EVENT_CELLS + GAUGE_CELLS + STATE_CELLS + NEIGH_CELLS,
  ARMS: EVENT_CELLS + GAUGE_CELLS + STATE_CELLS + NEIGH_CELLS + HANDSHAKES * HANDSHAKE_CELLS,
} as const

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { RX_PACKETS, RX_BYTES, TX_PACKETS, TX_BYTES, RX_DROPS, TX_DROPS } = ArmCell

export class Counters {
  /** Drops and events by number, as doubles: exact to 2^53 and no allocation on increment. */
  readonly events: Float64Array
  readonly gauges: Float64Array
  /** Connections by `KEY << 4 | state`, a gauge. */
  readonly states: Float64Array
  /** Neighbours by state, a gauge. */
  readonly neighbours: Float64Array
  /** `Handshake * HANDSHAKE_CELLS + cell`. */
  readonly handshakes: Float64Array
  readonly arms: Float64Array
  /** Arms from this index on are our own affair: what happens on them counts in no total, and nothing of it is kept. */
  readonly #shown: number
  readonly #all: Float64Array
  /** Keeps the headers of what is refused; null where nothing is, as in those who only read. */
  book: DropBook | null = null

  static bytesFor(arms: number): number {
    return (AT.ARMS + arms * ARM_CELLS) * 8
  }

  /**
   * `memory` may be shared, so that others read the numbers without asking the packet thread. `shown` is how many of the
   * arms are the operator's; the others are behind them.
   */
  constructor(memory: ArrayBufferLike, arms: number, shown = arms) {
    this.#shown = shown
    this.#all = new Float64Array(memory, 0, Counters.bytesFor(arms) / 8)
    this.events = new Float64Array(memory, 0, EVENT_CELLS)
    this.gauges = new Float64Array(memory, AT.GAUGES * 8, GAUGE_CELLS)
    this.states = new Float64Array(memory, AT.STATES * 8, STATE_CELLS)
    this.neighbours = new Float64Array(memory, AT.NEIGHBOURS * 8, NEIGH_CELLS)
    this.handshakes = new Float64Array(memory, AT.HANDSHAKES * 8, HANDSHAKES * HANDSHAKE_CELLS)
    this.arms = new Float64Array(memory, AT.ARMS * 8, arms * ARM_CELLS)
  }

  /** All arrays, one behind the other. */
  save(): Float64Array {
    return this.#all.slice()
  }

  restore(image: Float64Array): void {
    this.#all.set(image)
  }

  count(event: number): void {
    this.events[event]++
  }

  /** Something that is not a packet of a connection has happened on an arm. */
  countOn(arm: number, event: number): void {
    if (arm < this.#shown) this.events[event]++
  }

  /** A conn has gone from one cell of `states` to another. */
  connMoved(before: number, after: number): void {
    this.states[before]--
    this.states[after]++
  }

  /** A neighbour on an arm has come to be in a state, or has left it: `change` is 1 or -1. */
  neigh(arm: number, state: number, change: number): void {
    if (arm < this.#shown) this.neighbours[state] += change
  }

  /** A neighbour on an arm has gone from one state to another. */
  neighMoved(arm: number, before: number, after: number): void {
    if (arm >= this.#shown) return
    this.neighbours[before]--
    this.neighbours[after]++
  }

  /** One of Handshake took so many ms. */
  handshake(which: number, ms: number): void {
    const at = which * HANDSHAKE_CELLS
    let bucket = 0
    while (bucket < HANDSHAKE_BOUNDS.length && ms > HANDSHAKE_BOUNDS[bucket]) bucket++
    this.handshakes[at + bucket]++
    this.handshakes[at + HANDSHAKE_SUM] += ms
  }

  rx(arm: number, bytes: number): void {
    this.arms[arm * ARM_CELLS + RX_PACKETS]++
    this.arms[arm * ARM_CELLS + RX_BYTES] += bytes
  }

  tx(arm: number, bytes: number): void {
    this.arms[arm * ARM_CELLS + TX_PACKETS]++
    this.arms[arm * ARM_CELLS + TX_BYTES] += bytes
  }

  /** The frame in `slot`, read from `arm`, was refused for `reason`. */
  rxDrop(arm: number, reason: number, slot: number): void {
    this.arms[arm * ARM_CELLS + RX_DROPS]++
    this.#drop(arm, reason, slot)
  }

  /** The frame in `slot` could not be sent on `arm`. */
  txDrop(arm: number, reason: number, slot: number): void {
    this.arms[arm * ARM_CELLS + TX_DROPS]++
    this.#drop(arm, reason, slot)
  }

  #drop(arm: number, reason: number, slot: number): void {
    if (arm >= this.#shown) return
    this.events[reason]++
    if (this.book !== null) this.book.keep(reason, arm, slot)
  }

  /** A frame of our own, in `slot`, could not even be addressed. */
  ownDrop(reason: number, slot: number): void {
    this.events[reason]++
    if (this.book !== null) this.book.keep(reason, -1, slot)
  }

  armCell(arm: number, cell: number): number {
    return this.arms[arm * ARM_CELLS + cell]
  }
}
