/**
 * The segments of a capture sorted into flows: what one side saw of a connection. A SYN with a new sequence number begins a new
 * flow of the same endpoints.
 */

import { FLAG } from '../../wire/tcp.ts'
import { clientText } from '../frame/uoa-values.ts'
import { isToa, type Packets } from './packets.ts'
import { firstNotBelow } from './sorted.ts'

export class Flow {
  /** Index in its capture's list. */
  readonly id: number
  /** The capture it is in. */
  readonly packets: Packets
  /** 4 or 6; the addresses are those of its rows. */
  readonly version: number
  caddr: number
  cport: number
  saddr: number
  sport: number
  /** Rows from the client and from the server, in order of time. */
  readonly rows: [number[], number[]] = [[], []]
  /** Sequence numbers of SYN and SYN+ACK. */
  isn: [number | undefined, number | undefined] = [undefined, undefined]
  /** It is known who is the client: a SYN was seen. */
  sure = false
  /** Else how good the guess is, 0 to 2. */
  confidence = 0
  /** Places of the rows of each end that carry payload, by its hash. */
  #byHash: [Uint32Array | undefined, Uint32Array | undefined] = [undefined, undefined]

  constructor(id: number, packets: Packets, i: number) {
    this.id = id
    this.packets = packets
    this.version = packets.version[i]
    this.caddr = packets.saddr[i]
    this.cport = packets.ports[i] >>> 16
    this.saddr = packets.daddr[i]
    this.sport = packets.ports[i] & 0xffff
  }

  get client(): string {
    return this.packets.endpointText(this.version, this.caddr, this.cport)
  }

  get server(): string {
    return this.packets.endpointText(this.version, this.saddr, this.sport)
  }

  /** ns after the capture's base. */
  get firstNs(): number {
    const [a, b] = this.rows
    return Math.min(...[a, b].filter(rows => rows.length > 0).map(rows => this.packets.at[rows[0]]))
  }

  /** Turns round who is taken for the client. */
  turn(): void {
    ;[this.caddr, this.cport, this.saddr, this.sport] = [
      this.saddr,
      this.sport,
      this.caddr,
      this.cport,
    ]
    this.rows.reverse()
    this.isn.reverse()
    this.#byHash = [this.#byHash[1], this.#byHash[0]]
  }

  /** Places among an end's rows whose payload has the hash, in the order of time. */
  alike(who: number, hash: number): Uint32Array {
    const rows = this.rows[who]
    const hashes = this.packets.hash
    this.#byHash[who] ??= Uint32Array.from(
      [...rows.keys()]
        .filter(place => this.packets.payload[rows[place]] > 0)
        .sort((a, b) => hashes[rows[a]] - hashes[rows[b]] || a - b),
    )
    const places = this.#byHash[who]
    const from = firstNotBelow(places.length, k => hashes[rows[places[k]]] < hash)
    const end = firstNotBelow(places.length, k => hashes[rows[places[k]]] <= hash)
    return places.subarray(from, end)
  }

  /** The client's first TOA that names somebody else: `address:port`, '' if there is none in its first segments. */
  toa(): string {
    const { packets } = this
    for (const i of this.rows[0].slice(0, 8)) {
      const at = packets.option(i, isToa)
      if (at < 0) continue
      const view = packets.view(i)
      const named = clientText(view, at, view.getUint8(at + 1))
      if (named !== this.client) return named
    }
    return ''
  }
}

/** All flows of a capture, in the order in which they begin. Rows must be in the order of time. */
export function flowsOf(packets: Packets): Flow[] {
  const flows: Flow[] = []
  const current = new Map<string, Flow>()
  let last: Flow | undefined
  for (let i = 0; i < packets.count; i++) {
    const flags = packets.flags[i] & (FLAG.SYN | FLAG.ACK)
    let flow = last && belongs(last, packets, i) ? last : undefined
    const key = flow ? '' : keyOf(packets, i)
    flow ??= current.get(key)
    if (flow === undefined || isReopened(flow, packets, i)) {
      flow = new Flow(flows.length, packets, i)
      flows.push(flow)
      current.set(keyOf(packets, i), flow)
    }
    const fromClient = packets.saddr[i] === flow.caddr && packets.ports[i] >>> 16 === flow.cport
    flow.rows[fromClient ? 0 : 1].push(i)
    if (flags !== 0 && flags !== FLAG.ACK) noteSyn(flow, packets, i, fromClient)
    last = flow
  }
  guessClients(flows)
  return flows
}

function keyOf(packets: Packets, i: number): string {
  const [a, b, ports] = [packets.saddr[i], packets.daddr[i], packets.ports[i]]
  const turned = (ports << 16) | (ports >>> 16)
  // Of an address with itself the ports decide; else the larger address goes first.
  const first = a > b || (a === b && ports > turned)
  const version = packets.version[i]
  return first ? `${version} ${a} ${b} ${ports}` : `${version} ${b} ${a} ${turned}`
}

function belongs(flow: Flow, packets: Packets, i: number): boolean {
  const [a, b, ports] = [packets.saddr[i], packets.daddr[i], packets.ports[i]]
  const [from, to] = [ports >>> 16, ports & 0xffff]
  if (flow.version !== packets.version[i]) return false
  if (a === flow.caddr && b === flow.saddr) return from === flow.cport && to === flow.sport
  return a === flow.saddr && b === flow.caddr && from === flow.sport && to === flow.cport
}

/** A SYN, not its repetition, for endpoints that have had a connection. */
function isReopened(flow: Flow, packets: Packets, i: number): boolean {
  if ((packets.flags[i] & (FLAG.SYN | FLAG.ACK)) !== FLAG.SYN) return false
  const fromClient = packets.saddr[i] === flow.caddr && packets.ports[i] >>> 16 === flow.cport
  return !fromClient || (flow.isn[0] ?? ~packets.seq[i]) !== packets.seq[i]
}

function noteSyn(flow: Flow, packets: Packets, i: number, fromClient: boolean): void {
  const answers = (packets.flags[i] & FLAG.ACK) !== 0
  // The client is the one that sends a SYN without ACK, or that a SYN+ACK is sent to.
  if (fromClient === answers && !flow.sure) flow.turn()
  flow.sure = true
  const who = answers ? 1 : 0
  flow.isn[who] ??= packets.seq[i]
}

/** Ports from here on are those that clients are given (Linux; IANA's begin at 49152). */
const EPHEMERAL = 32_768

/** Of flows without a SYN: the endpoint that more flows have is the server; if that tells nothing, the lower port. */
function guessClients(flows: readonly Flow[]): void {
  const unsure = flows.filter(({ sure }) => !sure)
  if (unsure.length === 0) return
  const seen = new Map<string, number>()
  for (const { client, server } of flows)
    for (const end of [client, server]) seen.set(end, (seen.get(end) ?? 0) + 1)
  for (const flow of unsure) {
    const [c, s] = [seen.get(flow.client) ?? 0, seen.get(flow.server) ?? 0]
    if (c > s || (c === s && flow.cport < flow.sport)) flow.turn()
    const isUsual = flow.cport >= EPHEMERAL && flow.sport < EPHEMERAL
    flow.confidence = c !== s ? 2 : isUsual ? 1 : 0
  }
}
