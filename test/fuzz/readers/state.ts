/**
 * The memory of connections, neighbours, sessions and persistent clients that an earlier daemon has left, with anything in it: it is
 * refused in a line, or gone on with as far as it makes sense, and then packets pass and all ends in its time.
 */

import { closeSync } from 'node:fs'
import { parseConfig } from '../../../src/config/config.ts'
import { SessionReading, sessionText } from '../../../src/control/sessions/words.ts'
import { arenaBytes } from '../../../src/control/threads/memory.ts'
import { newSessionRing, sessionRing } from '../../../src/control/threads/session-ring.ts'
import { mapState, stateFor } from '../../../src/control/threads/state.ts'
import { openStates } from '../../../src/control/threads/states.ts'
import { adoptRecords } from '../../../src/engine/adopt.ts'
import { CONN_BYTES } from '../../../src/engine/conn-layout.ts'
import { mapMemory, sizeOfMemory, sumOf } from '../../../src/io/hold.ts'
import { duplicateFd } from '../../../src/io/native.ts'
import { checkBooks } from '../../kit/books.ts'
import { PaperKeeper } from '../../kit/paper-keeper.ts'
import { STAND_START, Stand } from '../../kit/stand.ts'
import { give, inputOf, type Step, TRAFFIC_CONFIG } from '../../kit/traffic.ts'
import type { Chance } from '../chance.ts'
import { Fault, type Target } from './target.ts'

/** Cells that are another: piece (0 of all workers, 1 of the one), cell, value. */
type Patch = readonly [piece: number, cell: number, value: number]

interface Left {
  patches: readonly Patch[]
  /** The sum of its heads is made right again. */
  summed: boolean
}

/** Refused in words, as it may be. */
class Refused extends Error {}

const NAMES = ['state of all', 'state 1']
/** Cells of the head that are summed, and the one behind them. */
const SUM = 14
/** Cells of a head, and of the conns of a table of 16. */
const HEAD = 65_536 / 4
const RECORDS = (16 * CONN_BYTES) / 4
const NUMBERS = [0, 1, 7, 15, 16, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]
const PATCHES_MOST = 64
/** lports that come back soon. */
const LPORTS = { mask: 16_383, residue: 5 }

const ends = (i: number) => ({
  client: ['202.108.10.2', '202.108.10.3', '202.108.10.77'][i % 3] as string,
  sport: 40_000 + i,
  vport: i % 2 === 0 ? 6379 : 6380,
})

/** Connections in every state, of both protocols, persistent ones among them. */
function life(): Step[] {
  const common = { seq: 7, ack: 7, payload: 0, fits: true } as const
  const udp = { checksum: 'right', payload: 5, mac: '52:54:00:00:01:02' } as const
  const steps: Step[] = []
  for (let i = 0; i < 6; i++) {
    steps.push({ step: 'client', conn: null, ...ends(i), ...common, flags: 'S' } as Step)
    if (i > 3)
      steps.push({ step: 'datagram', conn: null, ...ends(i), ...udp, fromRs: false } as Step)
  }
  for (let conn = 0; conn < 8; conn++) {
    const one = { conn, ...ends(conn) }
    steps.push({ step: 'datagram', ...one, ...udp, fromRs: true } as Step)
    for (const [side, flags] of [
      ['rs', 'S.'],
      ['client', '.'],
      ['rs', 'P.'],
    ] as const)
      if (conn > 0) steps.push({ step: side, ...one, ...common, flags } as Step)
    if (conn === 3) steps.push({ step: 'client', ...one, ...common, flags: 'F.' } as Step)
    if (conn === 4) steps.push({ step: 'rs', ...one, ...common, flags: 'R' } as Step)
  }
  return [...steps, { step: 'arp', op: 2, rs: '192.168.168.13', mac: '52:54:00:00:01:02' } as Step]
}

function play(stand: Stand): void {
  for (const step of life()) {
    const input = inputOf(step, stand)
    if (input) give(input, stand)
  }
}

/** What a daemon has left, its pieces as cells, and how the next one begins. */
class Remains {
  readonly #config = parseConfig(TRAFFIC_CONFIG, 'fuzz.yaml')
  readonly #what = stateFor(this.#config, 0, true)
  readonly #arena = new SharedArrayBuffer(arenaBytes(this.#config))
  readonly #fds: number[]
  readonly #now: number
  readonly pieces: readonly Int32Array[]
  readonly whole: readonly Int32Array[]

  constructor() {
    const keeper = new PaperKeeper()
    const [state] = openStates(this.#config, true, keeper, () => {})
    if (state === undefined) throw new Error('no state')
    this.#fds = [state.templates, state.fd]
    const stand = this.#stand(state, STAND_START)
    stand.resolveRss()
    play(stand)
    this.#now = stand.now
    this.pieces = this.#fds.map(fd => new Int32Array(mapMemory(fd, 0, sizeOfMemory(fd))))
    this.whole = this.pieces.map(cells => cells.slice())
  }

  /** As a worker does it (control/threads/worker.ts). */
  #stand(state: { fd: number; templates: number; adopt: boolean }, now: number) {
    const { conns, neighs, sessions, templates } = mapState(state, this.#what)
    const ring = sessionRing(newSessionRing())
    const stand = new Stand(TRAFFIC_CONFIG, undefined, {
      ...{ arena: this.#arena, lports: LPORTS, connMemory: conns, neighMemory: neighs, now },
      ...(sessions && { sessionMemory: sessions }),
      sessions: ring,
      templateMemory: templates,
      bare(engine) {
        engine.templates.free(0)
        if (state.adopt) engine.neighs.adopt(now)
      },
    })
    if (state.adopt) adoptRecords(stand.engine, now)
    return Object.assign(stand, { ring })
  }

  spoil({ patches, summed }: Left): void {
    for (const [i, cells] of this.pieces.entries()) cells.set(this.whole[i] as Int32Array)
    for (const [piece, cell, value] of patches) (this.pieces[piece] as Int32Array)[cell] = value
    if (!summed) return
    for (const cells of this.pieces) cells[SUM] = sumOf(cells.subarray(0, SUM))
  }

  isHeadWhole(): boolean {
    return this.pieces.every((cells, i) =>
      cells.subarray(0, SUM + 1).every((cell, at) => cell === this.whole[i]?.[at]),
    )
  }

  /** Throws Refused, or a Fault. */
  next(): void {
    const keeper = new PaperKeeper()
    for (const [i, name] of NAMES.entries())
      keeper.hold(name, { fds: [duplicateFd(this.#fds[i] as number)], about: null })
    const said: string[] = []
    const [state] = openStates(this.#config, true, keeper, text => said.push(text))
    if (state === undefined) throw new Fault('no state')
    try {
      if (state.adopt !== (said.length === 0)) throw new Fault(`${state.adopt} with ${said}`)
      if (said.length > 0) throw new Refused(said.join('\n'))
      goOn(this.#stand(state, this.#now + 500))
    } finally {
      for (const fd of new Set([state.fd, state.templates])) closeSync(fd)
    }
  }
}

/** Packets of what there is and of new ones, until time has ended them all. */
function goOn(stand: Stand & { ring: ReturnType<typeof sessionRing> }): void {
  const { engine } = stand
  checkBooks(engine, LPORTS)
  play(stand)
  checkBooks(engine, LPORTS)
  stand.pass(200_000, 500)
  // A deadline that was spoilt may be twelve days ahead.
  for (let i = 0; i < 5; i++) {
    stand.now += 2 ** 28
    stand.pass(300_000, 5000)
  }
  if (engine.conns.table.used > 0) throw new Fault('connections stay')
  if (engine.frames.free !== engine.frames.slots) throw new Fault('slots are lost')
  checkBooks(engine, LPORTS)
  const reading = new SessionReading()
  while (stand.ring.read(reading.cells)) {
    const line = sessionText(
      reading.session(ms => stand.now - ms),
      1,
    )
    if (/NaN|undefined|\n/.test(line)) throw new Fault(line)
  }
}

/** Where something is: most of a piece is zero, and read by nobody. */
function placesOf(whole: readonly Int32Array[]): Patch[] {
  const places: Patch[] = []
  for (const [piece, cells] of whole.entries())
    for (const [cell, value] of cells.entries())
      if (value !== 0 && (cell < 16 || cell >= HEAD)) places.push([piece, cell, value])
  return places
}

export function stateTarget(): Target<Left> {
  const remains = new Remains()
  const places = placesOf(remains.whole)
  /** Half of all in the records themselves, which are few; some in the heads. */
  const placed = (chance: Chance): readonly [number, number] => {
    const kind = chance.below(12)
    if (kind < 6) return [1, HEAD + chance.below(RECORDS)]
    if (kind === 6) return [chance.below(2), chance.below(SUM + 1)]
    const [piece, cell] = chance.pick(places)
    return [piece, cell]
  }
  const one = (chance: Chance): Patch => {
    const [piece, at] = placed(chance)
    const before = remains.whole[piece]?.[at] ?? 0
    const values = [before ^ (1 << chance.below(32)), chance.pick(NUMBERS), chance.pick(places)[2]]
    return [piece, at, (chance.once(4) ? chance.below(2 ** 32) : chance.pick(values)) | 0]
  }
  /** A record, an entry or a line over another, or a page that was never written. */
  const block = (chance: Chance): Patch[] => {
    const [piece, cell] = chance.pick(places)
    const [, from] = chance.pick(places)
    const cells = remains.whole[piece] as Int32Array
    const bare = chance.below(2) === 0
    return Array.from({ length: 16 }, (_, i) => {
      const at = Math.min((cell & ~15) + i, cells.length - 1)
      return [piece, at, bare ? 0 : (cells[((from & ~15) + i) % cells.length] ?? 0)] as const
    })
  }
  return {
    name: 'state',
    seeds: [{ patches: [], summed: false }],
    mutate(chance, { patches, summed }, other) {
      const more = chance.once(6) ? block(chance) : [one(chance)]
      const all = chance.once(6) ? [...other.patches, ...more] : [...patches, ...more]
      const kept = chance.once(3) ? more : all.slice(-PATCHES_MOST)
      return { patches: kept, summed: chance.once(8) ? !summed : summed }
    },
    read(left) {
      remains.spoil(left)
      const isWhole = remains.isHeadWhole()
      remains.next()
      if (!isWhole && !left.summed) throw new Fault('a head that is spoilt was believed')
    },
    isRefusal: error => error instanceof Refused,
    files: /\/src\/(engine|control\/threads)\//,
    limitMs: 4000,
    show: left => JSON.stringify(left),
  }
}
