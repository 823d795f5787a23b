/**
 * The memory of the packet threads that outlives them, and the daemon if somebody holds its descriptors (control/keeper): of each
 * worker its connections and neighbours, and of all workers the clients of persistent services. Each is one piece of memory of
 * io/hold.ts, made by control, mapped by the worker for itself:
 *
 *   head     64 KiB, of which some cells are in use: what it is, for which config, the key of the sequence numbers, the clock
 *   first    connections: engine/parts.ts; or, in the piece of all workers, engine/templates.ts
 *   second   neighbours: engine/neigh-table.ts
 *   third    addresses of IPv6: engine/address-book.ts
 *   fourth   what is told of connections that end, if somebody wants to know: engine/sessions.ts
 *
 * A piece that does not go with what runs now is not looked at, and nothing is ever converted: its daemon starts empty and says why.
 */

import { randomFillSync } from 'node:crypto'
import { AddressBook, DIGEST_KEY_CELLS } from '../../engine/address-book.ts'
import { CONN_BYTES } from '../../engine/conn-layout.ts'
import { Neighs } from '../../engine/neigh.ts'
import { connBytes } from '../../engine/parts.ts'
import { Sessions } from '../../engine/sessions.ts'
import { Templates } from '../../engine/templates.ts'
import { clockOffset } from '../../io/clock.ts'
import {
  type Copy,
  copyMemory,
  createMemory,
  endOfData,
  mapMemory,
  shareCopy,
  sizeOfMemory,
  sumOf,
} from '../../io/hold.ts'
import { STATE_LAYOUT } from '../system/layouts.ts'
import {
  type BareConfig,
  BOOK_CAPACITY,
  connCapacityOf,
  NEIGH_CAPACITY,
  TEMPLATES,
} from './memory.ts'

const MAGIC = 0x74_61_70_76
/** Whole pages, on any machine. */
const PAGE = 65_536
/** Cells of the head. */
const AT = { MAGIC: 0, LAYOUT: 1, FOR: 2, KEY: 8, CLOCK: 12, SUM: 14 } as const
const KEY_CELLS = 4
/** What is compared, cell by cell behind FOR, with the words for it. */
const FOR = ['workers', 'index', 'connections', 'neighbours', 'sessions', 'arms'] as const
const IN_WORDS: { [name in (typeof FOR)[number]]?: string } = {
  index: 'state of another worker',
  sessions: 'state of other sessions',
  arms: 'state of other arms',
}
/** In place of a worker's index. */
const OF_ALL = -1

export type StateFor = Record<(typeof FOR)[number], number>

/** What a worker starts with; the descriptors stay control's. */
export interface WorkerState {
  fd: number
  /** Of all workers. */
  templates: number
  /** Whether an earlier worker has left something in it. */
  adopt: boolean
}

/** As a thread has it. */
export interface MappedState {
  conns: ArrayBuffer
  /** => from which record on none was ever in use. Throws NativeError. */
  recordsEnd(): number
  neighs: ArrayBuffer
  book: ArrayBuffer
  /** null if nobody wants to know of connections that end. */
  sessions: ArrayBuffer | null
  templates: ArrayBuffer
  /** Of KeyedIsn: with another one a sequence number would not be ahead of an earlier one of its tuple. */
  key: Int32Array
  /** ms from CLOCK_MONOTONIC to the engine's clock, in which the deadlines are. */
  clock: number
  /** What was mapped as a copy is the state itself from now on. Throws NativeError. */
  share(): void
}

/** What a piece of memory has to be for; `index` is that of its worker. */
export function stateFor(config: BareConfig, index: number, hasSessions: boolean): StateFor {
  const { arms, workers } = config
  return {
    workers: workers.count,
    index,
    connections: index === OF_ALL ? TEMPLATES : connCapacityOf(config),
    neighbours: index === OF_ALL ? 0 : NEIGH_CAPACITY,
    sessions: hasSessions ? 1 : 0,
    // Records name arms by their place in the list.
    arms: sumOf(Int32Array.from(Buffer.from(arms.map(({ name }) => name).join('\n')))),
  }
}

export function templatesFor(config: BareConfig): StateFor {
  return stateFor(config, OF_ALL, false)
}

const up = (bytes: number) => Math.ceil(bytes / PAGE) * PAGE

/** Bytes of its parts. */
function sizesOf({ index, connections, neighbours, sessions }: StateFor): number[] {
  if (index === OF_ALL) return [up(Templates.bytesFor(connections))]
  const told = sessions === 0 ? [] : [up(Sessions.bytesFor(connections))]
  const book = up(AddressBook.bytesFor(BOOK_CAPACITY))
  return [up(connBytes(connections)), up(Neighs.bytesFor(neighbours)), book, ...told]
}

function bytesOf(what: StateFor): number {
  return sizesOf(what).reduce((sum, bytes) => sum + bytes, PAGE)
}

/** => a descriptor of a new piece, empty. Throws NativeError. */
export function newState(what: StateFor): number {
  const fd = createMemory('tapvs-state', bytesOf(what))
  const head = mapMemory(fd, 0, PAGE)
  const cells = new Int32Array(head)
  cells[AT.MAGIC] = MAGIC
  cells[AT.LAYOUT] = STATE_LAYOUT
  for (const [i, name] of FOR.entries()) cells[AT.FOR + i] = what[name]
  randomFillSync(cells, AT.KEY, KEY_CELLS)
  new Float64Array(head, AT.CLOCK * 4, 1)[0] = clockOffset()
  if (what.index !== OF_ALL) {
    const key = new Int32Array(DIGEST_KEY_CELLS)
    randomFillSync(key)
    const [conns = 0, neighs = 0, book = 0] = sizesOf(what)
    AddressBook.key(mapMemory(fd, PAGE + conns + neighs, book), key)
  } else {
    const key = new Int32Array(KEY_CELLS)
    randomFillSync(key)
    Templates.key(mapMemory(fd, PAGE, up(Templates.bytesFor(TEMPLATES))), key)
  }
  cells[AT.SUM] = sumOf(cells.subarray(0, AT.SUM))
  return fd
}

/** Of the piece of all workers, before they take it over. */
export function settleTemplates(fd: number, workers: number): void {
  Templates.settle(mapMemory(fd, PAGE, up(Templates.bytesFor(TEMPLATES))), TEMPLATES, workers)
}

/** => why the memory behind `fd` cannot be gone on with, in words; undefined if it can */
export function stateProblem(fd: number, what: StateFor): string | undefined {
  let bytes: number
  try {
    bytes = sizeOfMemory(fd)
  } catch (error) {
    return `what was kept is no memory of ours (${(error as Error).message})`
  }
  if (bytes < PAGE) return 'what was kept has no head'
  const cells = new Int32Array(mapMemory(fd, 0, PAGE))
  if (cells[AT.MAGIC] !== MAGIC) return 'what was kept is not the state of a tapvs'
  const layout = cells[AT.LAYOUT]
  if (layout !== STATE_LAYOUT) return `state of another layout (${layout}, this is ${STATE_LAYOUT})`
  if (cells[AT.SUM] !== sumOf(cells.subarray(0, AT.SUM))) return 'the head of the state is spoilt'
  for (const [i, name] of FOR.entries()) {
    const was = cells[AT.FOR + i]
    if (was === what[name]) continue
    return IN_WORDS[name] ?? `state of ${was} ${name}, this is ${what[name]}`
  }
  if (bytes !== bytesOf(what)) return 'the state is not as large as its head says'
  return undefined
}

/**
 * In the thread that is to use it. `copied`: somebody else still does, and until share() what is written to connections, neighbours and
 * sessions nobody sees but this thread.
 */
export function mapState(
  { fd, templates }: WorkerState,
  what: StateFor,
  copied = false,
): MappedState {
  const head = mapMemory(fd, 0, PAGE)
  const copies: Copy[] = []
  let from = PAGE
  const [conns, neighs, book, sessions] = sizesOf(what).map(bytes => {
    const at = from
    from += bytes
    if (!copied) return mapMemory(fd, at, bytes)
    const [part, copy] = copyMemory(fd, at, bytes)
    copies.push(copy)
    return part
  })
  return {
    conns: conns as ArrayBuffer,
    recordsEnd: () => Math.ceil(endOfData(fd, PAGE, what.connections * CONN_BYTES) / CONN_BYTES),
    neighs: neighs as ArrayBuffer,
    book: book as ArrayBuffer,
    sessions: sessions ?? null,
    templates: mapMemory(templates, PAGE, up(Templates.bytesFor(TEMPLATES))),
    key: new Int32Array(head, AT.KEY * 4, KEY_CELLS).slice(),
    clock: new Float64Array(head, AT.CLOCK * 4, 1)[0] as number,
    share: () => {
      for (const copy of copies.splice(0)) shareCopy(copy)
    },
  }
}
