/**
 * Numbers of a conn whose client was answered by a cookie (semantics 2.8). The client knows the RS's stream from the cookie on, the
 * RS from a number of its own:
 *
 *   client   cookie + 1 ............     number
 *   RS       its ISN + 1 ...........     number - moved
 *
 * What a client acknowledges is told the RS's way before anything looks at it, and the RS's numbers the client's way behind all that
 * does: records, and whom to believe, are in the RS's numbers, as of any other conn. Windows of the RS are told in the scale that the
 * client was told for them.
 */

import { adjust, diff16, diff32, sumWords } from '../wire/checksum.ts'
import { FLAG, OPT, optionLength, TCP } from '../wire/tcp.ts'
import type { ConnTable } from './conn.ts'
import {
  AGREED,
  CELL,
  NO_SCALE,
  RECORD,
  RS_SEEN,
  STATE_MASK,
  SYN_CELL,
  SYN_PROXIED,
} from './conn-layout.ts'
import type { Parsed } from './parsed.ts'
import { State } from './tcp-state.ts'
import { diffSums } from './xmit/tcp-options.ts'

const { WORD, BINDING } = CELL
const { at: recordAt, column: columnAt } = RECORD
const { COOKIE, AGREED: AGREED_AT, MOVED } = SYN_CELL
const { SYN, ACK } = FLAG
const WINDOW_MOST = 0xffff

export class SynSpace {
  readonly #cells: Int32Array
  readonly #syn: Int32Array

  constructor({ cells, syn }: Pick<ConnTable, 'cells' | 'syn'>) {
    this.#cells = cells
    this.#syn = syn
  }

  isOf(conn: number): boolean {
    return (this.#cells[recordAt(conn) | BINDING] & SYN_PROXIED) !== 0
  }

  /** Its RS has not answered yet. */
  isPending(conn: number): boolean {
    const word = this.#cells[recordAt(conn) | WORD]
    return this.isOf(conn) && (word & (RS_SEEN | STATE_MASK)) === State.SYN_RECV
  }

  begin(conn: number, cookie: number, agreed: number): void {
    this.#syn[columnAt(conn) | COOKIE] = cookie
    this.#syn[columnAt(conn) | AGREED_AT] = agreed
  }

  cookie(conn: number): number {
    return this.#syn[columnAt(conn) | COOKIE]
  }

  agreed(conn: number): number {
    return this.#syn[columnAt(conn) | AGREED_AT]
  }

  setAgreed(conn: number, agreed: number): void {
    this.#syn[columnAt(conn) | AGREED_AT] = agreed
  }

  /** The RS begins at `isn`, and scales its windows by `scale`. To be said before anything else says that it has answered. */
  answered(conn: number, isn: number, scale: number): void {
    const at = columnAt(conn)
    this.#syn[at | AGREED_AT] = AGREED.answered(this.#syn[at | AGREED_AT], scale)
    this.#syn[at | MOVED] = this.#syn[at | COOKIE] - isn
  }

  /** By how much the RS's numbers are moved for the client: 0 of a conn without cookie, and before the RS has answered. */
  moved(conn: number): number {
    const at = recordAt(conn)
    if ((this.#cells[at | BINDING] & SYN_PROXIED) === 0) return 0
    return (this.#cells[at | WORD] & RS_SEEN) === 0 ? 0 : this.#syn[columnAt(conn) | MOVED]
  }

  /** The number of the client's for the RS's `seq`; as long as the RS has not answered there is one for any. */
  clientSees(conn: number, seq: number): number {
    const at = recordAt(conn)
    const isPending =
      (this.#cells[at | BINDING] & SYN_PROXIED) !== 0 && (this.#cells[at | WORD] & RS_SEEN) === 0
    return (isPending ? this.cookie(conn) + 1 : seq + this.moved(conn)) | 0
  }

  /** A segment of the client: what it acknowledges is the RS's, and its window in the scale that the RS knows. */
  inward(pkt: DataView, p: Parsed, conn: number): void {
    if ((p.flags & ACK) === 0) return
    const moved = this.moved(conn)
    const at = p.l4 + TCP.ACK
    const before = pkt.getInt32(at)
    const after = (before - moved) | 0
    pkt.setInt32(at, after)
    let changed = diff32(before, after)
    if (p.l4Header > TCP.HEADER) changed += moveSack(pkt, p, moved)
    const agreed = this.agreed(conn)
    const scale = AGREED.client(agreed)
    // An RS that scales no windows takes those of the client as they are written.
    if (AGREED.rs(agreed) === NO_SCALE && scale !== NO_SCALE && scale !== 0)
      changed += setWindow(pkt, p, pkt.getUint16(p.l4 + TCP.WINDOW) << scale)
    if (p.partial === 0) adjust(pkt, p.l4 + TCP.CHECKSUM, changed)
  }

  /** A segment of the RS, about to leave. */
  outward(pkt: DataView, p: Parsed, conn: number): void {
    const at = p.l4 + TCP.SEQ
    const before = pkt.getInt32(at)
    const after = this.clientSees(conn, before)
    pkt.setInt32(at, after)
    let changed = diff32(before, after)
    if ((p.flags & SYN) === 0) {
      const agreed = this.agreed(conn)
      const up = scaleBits(AGREED.rs(agreed))
      const down = scaleBits(AGREED.told(agreed))
      if (up !== down)
        changed += setWindow(pkt, p, (pkt.getUint16(p.l4 + TCP.WINDOW) << up) >>> down)
    }
    if (p.partial === 0) adjust(pkt, p.l4 + TCP.CHECKSUM, changed)
  }
}

function scaleBits(scale: number): number {
  return scale === NO_SCALE ? 0 : scale
}

/** => The difference for the checksum */
function setWindow(pkt: DataView, p: Parsed, bytes: number): number {
  const at = p.l4 + TCP.WINDOW
  const before = pkt.getUint16(at)
  const after = Math.min(bytes, WINDOW_MOST)
  pkt.setUint16(at, after)
  return diff16(before, after)
}

/** => The same of all edges of SACK. */
function moveSack(pkt: DataView, p: Parsed, moved: number): number {
  const from = p.l4 + TCP.HEADER
  const end = p.l4 + p.l4Header
  const before = sumWords(pkt, from, end - from)
  for (let at = from, bytes = 0; at < end; at += bytes) {
    bytes = optionLength(pkt, at, end)
    if (bytes === 0) break
    if (pkt.getUint8(at) !== OPT.SACK || (bytes & 7) !== 2) continue
    for (let edge = at + 2; edge < at + bytes; edge += 4)
      pkt.setInt32(edge, pkt.getInt32(edge) - moved)
  }
  return diffSums(before, sumWords(pkt, from, end - from))
}
