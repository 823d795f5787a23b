/** The record of a connection that has ended, as a line for people and as fields for programs. */

import { stateName } from '../../api/names.ts'
import { PROTOCOLS, type Protocol, protocolOfCode } from '../../api/protocols.ts'
import type { AnyForwarding } from '../../api/words.ts'
import { End } from '../../engine/session-end.ts'
import { SessionRecord } from '../../engine/sessions.ts'
import { endsAt } from '../../see/words/ends.ts'
import { forwardingOfMethod } from '../../see/words/forwarding.ts'

/** In the order of End. */
export const ENDS = Object.keys(End).map(name => name.toLowerCase())

const { STATE, END, PROTOCOL, METHOD } = SessionRecord
const { LAST, ENDED, RS_MS, CLIENT_MS, TRAFFIC, LIFE_MS } = SessionRecord

/** Fields of the JSON, in this order; times in ms. */
export interface Session {
  protocol: string
  client: string
  vip: string
  lip: string
  rs: string
  /** Why it ended: timeout, fin_client, fin_rs, rst_client, rst_rs, reset, stopped, replaced, cut. */
  end: string
  /** The state in which it ended. */
  state: string
  /** When its SYN came, or its first datagram; so everywhere below. */
  start: string
  /** From the SYN to the last segment. */
  duration_ms: number
  /** From the SYN to the client's ACK of the SYN+ACK; null if it never came. */
  client_handshake_ms: number | null
  /** From the SYN to the RS's SYN+ACK; of UDP to the first answer. */
  rs_handshake_ms: number | null
  in_packets: number
  in_bytes: number
  out_packets: number
  out_bytes: number
  /** How the RS got its packets; of NAT, DR and tunnel `lip` is the client itself. */
  forwarding: AnyForwarding
}

/** A record to be read into, and what it says. */
export class SessionReading {
  readonly cells = new Int32Array(SessionRecord.CELLS)
  readonly #doubles = new Float64Array(this.cells.buffer)

  /** `wallOf` turns ms of the engine's clock into those of Date. */
  session(wallOf: (ms: number) => number): Session {
    const cell = (at: number) => this.cells[at] ?? 0
    const double = (at: number) => this.#doubles[TRAFFIC / 2 + at] ?? 0
    return {
      protocol: PROTOCOLS[this.protocol].label,
      ...endsAt(this.cells, SessionRecord.ENDS),
      end: ENDS[cell(END)] ?? `${cell(END)}`,
      state: stateName(cell(STATE), cell(PROTOCOL)),
      start: new Date(Math.trunc(wallOf(cell(ENDED))) - this.lifeMs).toISOString(),
      duration_ms: this.lifeMs - ((cell(ENDED) - cell(LAST)) | 0),
      client_handshake_ms: cell(CLIENT_MS) < 0 ? null : cell(CLIENT_MS),
      rs_handshake_ms: cell(RS_MS) < 0 ? null : cell(RS_MS),
      in_packets: double(0),
      in_bytes: double(2),
      out_packets: double(1),
      out_bytes: double(3),
      forwarding: this.forwarding,
    }
  }

  /** From its SYN to its end. */
  get lifeMs(): number {
    return this.#doubles[LIFE_MS / 2] ?? 0
  }

  get protocol(): Protocol {
    return protocolOfCode(this.cells[PROTOCOL] ?? 0)
  }

  get forwarding(): AnyForwarding {
    return forwardingOfMethod(this.cells[METHOD] ?? 0)
  }

  /** The RS has got something of the client: all that UDP brings, and what comes behind a whole handshake of TCP. */
  get stood(): boolean {
    return this.protocol !== 'tcp' || (this.cells[CLIENT_MS] ?? -1) >= 0
  }

  /** When the connection was ended, ms of the engine's clock. */
  get ended(): number {
    return this.cells[ENDED] ?? 0
  }
}

export function sessionText(session: Session, worker: number): string {
  const { protocol, client, vip, lip, rs, start: _, ...rest } = session
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${value ?? '-'}`)
  return `SESSION: [${worker}] ${protocol} ${client} ${vip} ${lip} ${rs} ${pairs.join(' ')}`
}
