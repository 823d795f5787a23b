/**
 * The newest connections that have ended, in memory of a fixed size: the newest takes the place of the oldest. Found by LIP
 * and lport and by the client's address and port, through chains from the newest to the oldest.
 *
 *   per connection   10 int32: ends, Cell | 2 doubles: when it was opened, and ended | 2 int32: heads of the two indexes    64 bytes
 *
 * A chain holds serial numbers, not places. One that is out of the ring's reach ends it, so nothing has to be taken out of a
 * chain when its connection is overwritten.
 */

import { PROTOCOLS, protocolOfCode } from '../../api/protocols.ts'
import { cellsOf } from '../../engine/cells.ts'
import { PROTOCOL_BITS } from '../../engine/conn-layout.ts'
import { EndsCell } from '../../engine/ends.ts'
import { type Ended, endsIn, isOf, type Search } from './ended.ts'

/** Behind the ends. */
const Cell = cellsOf(
  {
    /** worker << 10 | protocol, of KEY << 8 | end << 4 | state */
    WORD: 1,
    /** ms from the last segment to the end, at most 12 days. */
    SILENT: 1,
    /** Serial numbers of the connections before it in its chains. */
    BY_LIP: 1,
    BY_CLIENT: 1,
  },
  EndsCell.CELLS,
)
const { CELLS } = Cell

export class EndedRing {
  readonly capacity: number
  readonly #cells: Int32Array
  readonly #opened: Float64Array
  readonly #ended: Float64Array
  readonly #heads: { lip: Int32Array; client: Int32Array }
  readonly #mask: number
  /** Serial number of the next one, modulo 2^32. */
  #written = 0
  #used = 0
  #forgottenMs = Number.NEGATIVE_INFINITY

  /** `connections` is 1 or more, and rounded up to a power of two: serial numbers begin anew at 2^32. */
  constructor(connections: number) {
    const capacity = 2 ** Math.ceil(Math.log2(connections))
    this.capacity = capacity
    this.#mask = capacity - 1
    this.#cells = new Int32Array(capacity * CELLS)
    this.#opened = new Float64Array(capacity)
    this.#ended = new Float64Array(capacity)
    // Out of reach.
    const none = ~capacity
    this.#heads = {
      lip: new Int32Array(capacity).fill(none),
      client: new Int32Array(capacity).fill(none),
    }
  }

  get used(): number {
    return this.#used
  }

  /** All connections that ended later are here; ms since 1970, -Infinity if none was overwritten yet. */
  get forgottenMs(): number {
    return this.#forgottenMs
  }

  add(ended: Ended): void {
    const serial = this.#written
    const place = serial & this.#mask
    if (this.#used < this.capacity) this.#used++
    else this.#forgottenMs = Math.max(this.#forgottenMs, this.#endedMs(place))
    const c = this.#cells
    const at = place * CELLS
    c[at + EndsCell.CIP] = ended.cip
    c[at + EndsCell.VIP] = ended.vip
    c[at + EndsCell.CLIENT_PORTS] = (ended.cport << 16) | ended.vport
    c[at + EndsCell.RIP] = ended.rip
    c[at + EndsCell.LIP] = ended.lip
    c[at + EndsCell.RS_PORTS] = (ended.rport << 16) | ended.lport
    const { code } = PROTOCOLS[ended.protocol]
    c[at + Cell.WORD] = (ended.worker << 10) | (code << 8) | (ended.end << 4) | ended.state
    c[at + Cell.SILENT] = ended.endedMs - ended.lastMs
    this.#opened[place] = ended.openedMs
    this.#ended[place] = ended.endedMs
    c[at + Cell.BY_LIP] = this.#enter(this.#heads.lip, ended.lip, ended.lport, serial)
    c[at + Cell.BY_CLIENT] = this.#enter(this.#heads.client, ended.cip, ended.cport, serial)
    this.#written = (serial + 1) | 0
  }

  /** The newest first. */
  find({ key: { by, address, port }, rs, fromMs, toMs, limit }: Search): Ended[] {
    const found: Ended[] = []
    const [link, host, ports, shift] =
      by === 'lip'
        ? [Cell.BY_LIP, EndsCell.LIP, EndsCell.RS_PORTS, 0]
        : [Cell.BY_CLIENT, EndsCell.CIP, EndsCell.CLIENT_PORTS, 16]
    let serial = this.#heads[by][this.#bucket(address, port)] as number
    // That of the newest one is 1 behind.
    while ((this.#written - serial - 1) >>> 0 < this.#used && found.length < limit) {
      const place = serial & this.#mask
      const cell = (which: number) => this.#cells[place * CELLS + which] as number
      const same = cell(host) === address && ((cell(ports) >>> shift) & 0xffff) === port
      if (same && (this.#opened[place] as number) <= toMs && this.#endedMs(place) >= fromMs) {
        const ended = this.#read(place)
        if (isOf(ended, rs)) found.push(ended)
      }
      serial = cell(link)
    }
    return found
  }

  /** => what was the newest of its bucket */
  #enter(heads: Int32Array, address: number, port: number, serial: number): number {
    const bucket = this.#bucket(address, port)
    const before = heads[bucket] as number
    heads[bucket] = serial
    return before
  }

  #endedMs(place: number): number {
    return this.#ended[place] as number
  }

  #read(place: number): Ended {
    const cell = (which: number) => this.#cells[place * CELLS + which] as number
    return {
      worker: cell(Cell.WORD) >>> 10,
      protocol: protocolOfCode((cell(Cell.WORD) >>> 8) & PROTOCOL_BITS),
      ...endsIn(this.#cells, place * CELLS),
      openedMs: this.#opened[place] as number,
      lastMs: this.#endedMs(place) - (cell(Cell.SILENT) >>> 0),
      endedMs: this.#endedMs(place),
      state: cell(Cell.WORD) & 0xf,
      end: (cell(Cell.WORD) >>> 4) & 0xf,
    }
  }

  /** murmur3's last steps: neighbouring lports and addresses come to buckets far apart. */
  #bucket(address: number, port: number): number {
    let h = Math.imul(address ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) & this.#mask
  }
}
