/**
 * The newest connections that have ended, in memory of a fixed size: the newest takes the place of the oldest. Found by LIP
 * and lport and by the client's address and port, through chains from the newest to the oldest.
 *
 *   per connection   10 int32: Cell | 2 doubles: when it was opened, and ended | 2 int32: heads of the two indexes    64 bytes
 *   from the first one of IPv6 on   12 int32: the first three words of its four addresses, of IPv4 0                  48 bytes
 *
 * A chain holds serial numbers, not places. One that is out of the ring's reach ends it, so nothing has to be taken out of a
 * chain when its connection is overwritten.
 */

import { PROTOCOLS, protocolOfCode } from '../../api/protocols.ts'
import { ALL_FORWARDINGS } from '../../api/words.ts'
import { cellsOf } from '../../engine/cells.ts'
import { PROTOCOL_BITS } from '../../engine/conn-layout.ts'
import { forwardingOfMethod } from '../../see/words/forwarding.ts'
import { type IpAddress, isSameIp } from '../../wire/ip-address.ts'
import { type Ended, isOf, type Search } from './ended.ts'

const Cell = cellsOf({
  CIP: 1,
  VIP: 1,
  CLIENT_PORTS: 1,
  RIP: 1,
  LIP: 1,
  RS_PORTS: 1,
  /** worker << 13 | method << 10 | protocol, of KEY << 8 | end << 4 | state */
  WORD: 1,
  /** ms from the last segment to the end, at most 12 days. */
  SILENT: 1,
  /** Serial numbers of the connections before it in its chains. */
  BY_LIP: 1,
  BY_CLIENT: 1,
})
/** First of the three words of an address. */
const Rest = cellsOf({ CIP: 3, VIP: 3, RIP: 3, LIP: 3 })
type Of = 'CIP' | 'VIP' | 'RIP' | 'LIP'
const { CELLS } = Cell

export class EndedRing {
  readonly capacity: number
  readonly #cells: Int32Array
  #rest: Int32Array | undefined
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
    this.#put(place, 'CIP', ended.cip)
    this.#put(place, 'VIP', ended.vip)
    c[at + Cell.CLIENT_PORTS] = (ended.cport << 16) | ended.vport
    this.#put(place, 'RIP', ended.rip)
    this.#put(place, 'LIP', ended.lip)
    c[at + Cell.RS_PORTS] = (ended.rport << 16) | ended.lport
    const { code } = PROTOCOLS[ended.protocol]
    const method = ALL_FORWARDINGS.indexOf(ended.forwarding)
    c[at + Cell.WORD] =
      (ended.worker << 13) | (method << 10) | (code << 8) | (ended.end << 4) | ended.state
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
        ? ([Cell.BY_LIP, 'LIP', Cell.RS_PORTS, 0] as const)
        : ([Cell.BY_CLIENT, 'CIP', Cell.CLIENT_PORTS, 16] as const)
    let serial = this.#heads[by][this.#bucket(address, port)] as number
    // That of the newest one is 1 behind.
    while ((this.#written - serial - 1) >>> 0 < this.#used && found.length < limit) {
      const place = serial & this.#mask
      const cell = (which: number) => this.#cells[place * CELLS + which] as number
      const isPort = ((cell(ports) >>> shift) & 0xffff) === port
      const same = isPort && isSameIp(this.#address(place, host), address)
      if (same && (this.#opened[place] as number) <= toMs && this.#endedMs(place) >= fromMs) {
        const ended = this.#read(place)
        if (isOf(ended, rs)) found.push(ended)
      }
      serial = cell(link)
    }
    return found
  }

  /** => what was the newest of its bucket */
  #enter(heads: Int32Array, address: IpAddress, port: number, serial: number): number {
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
      worker: cell(Cell.WORD) >>> 13,
      forwarding: forwardingOfMethod((cell(Cell.WORD) >>> 10) & 7),
      protocol: protocolOfCode((cell(Cell.WORD) >>> 8) & PROTOCOL_BITS),
      cip: this.#address(place, 'CIP'),
      cport: cell(Cell.CLIENT_PORTS) >>> 16,
      vip: this.#address(place, 'VIP'),
      vport: cell(Cell.CLIENT_PORTS) & 0xffff,
      lip: this.#address(place, 'LIP'),
      lport: cell(Cell.RS_PORTS) & 0xffff,
      rip: this.#address(place, 'RIP'),
      rport: cell(Cell.RS_PORTS) >>> 16,
      openedMs: this.#opened[place] as number,
      lastMs: this.#endedMs(place) - (cell(Cell.SILENT) >>> 0),
      endedMs: this.#endedMs(place),
      state: cell(Cell.WORD) & 0xf,
      end: (cell(Cell.WORD) >>> 4) & 0xf,
    }
  }

  #put(place: number, of: Of, address: IpAddress): void {
    const isIpv6 = typeof address !== 'number'
    this.#cells[place * CELLS + Cell[of]] = isIpv6 ? address[3] : address
    if (isIpv6) this.#rest ??= new Int32Array(this.capacity * Rest.CELLS)
    const at = place * Rest.CELLS + Rest[of]
    for (let i = 0; i < 3 && this.#rest; i++) this.#rest[at + i] = isIpv6 ? address[i as 0] : 0
  }

  /** Of IPv6 if its first words are not all 0. */
  #address(place: number, of: Of): IpAddress {
    const last = this.#cells[place * CELLS + Cell[of]] as number
    if (this.#rest === undefined) return last
    const at = place * Rest.CELLS + Rest[of]
    const [a = 0, b = 0, c = 0] = this.#rest.subarray(at, at + 3)
    return (a | b | c) === 0 ? last : [a, b, c, last]
  }

  /** murmur3's last steps: neighbouring lports and addresses come to buckets far apart. */
  #bucket(address: IpAddress, port: number): number {
    const word = typeof address === 'number' ? address : address.reduce((all, one) => all ^ one)
    let h = Math.imul(word ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) & this.#mask
  }
}
