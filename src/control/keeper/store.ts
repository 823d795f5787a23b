/**
 * What a service manager stores of a service (sd_pid_notify_with_fds(3), FileDescriptorStoreMax= of systemd.service(5)): descriptors under
 * names, which the next process of the service finds open from 3 on. So connections outlive the keeper as well.
 *
 * Each descriptor has a name of its own, because those of one name come in no order: tapvs-SERIAL-PLACE. What they are is in a piece of
 * memory that is stored with them, tapvs-index (KeptJson), which is written before anything is taken away and after something was added.
 */

import { fstatSync } from 'node:fs'
import { createMemory, mapMemory, sizeOfMemory } from '../../io/hold.ts'
import { closeFd, notify } from '../../io/native.ts'
import { KEEPING } from '../system/layouts.ts'
import type { Held } from './keeping.ts'
import { KEPT_JSON_BYTES, KeptJson } from './kept-json.ts'

const INDEX = 'tapvs-index'
const nameOf = (serial: number, place: number) => `tapvs-${serial}-${place}`

/** The first descriptor that a manager passes: SD_LISTEN_FDS_START. */
const FIRST_FD = 3
const FDS_MOST = 65_536
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const

export interface Holding extends Held {
  /** Another number for each; the store knows them by it. */
  serial: number
}

interface Index {
  keeping: number
  /** Whether the service was stopped as it should be, and not in the middle of something. */
  stopped: boolean
  entries: { name: string; about: unknown; serial: number; count: number }[]
}

export class Store {
  /** Of the index. */
  readonly fd: number
  readonly #socket: string
  readonly #json: KeptJson
  #stopped = false
  #held: ReadonlyMap<string, Holding> = new Map()

  /** `fd` is that of an index, or left out for a new one. Throws NativeError, or an Error for what is no index. */
  constructor(socket: string, fd?: number) {
    this.#socket = socket
    this.fd = fd ?? createMemory(INDEX, KEPT_JSON_BYTES)
    if (sizeOfMemory(this.fd) !== KEPT_JSON_BYTES) throw new Error('it is no index')
    this.#json = new KeptJson(mapMemory(this.fd, 0, KEPT_JSON_BYTES))
    if (fd === undefined) this.#say(INDEX, [this.fd])
  }

  /** Before note() tells of it. */
  add({ fds, serial }: Holding): void {
    for (const [place, fd] of fds.entries()) this.#say(nameOf(serial, place), [fd])
  }

  /** After note() has left it out. */
  remove({ fds, serial }: Holding): void {
    for (const place of fds.keys()) this.forget(nameOf(serial, place))
  }

  forget(name: string): void {
    tell(this.#socket, removal(name))
  }

  /** All that is held, from now on. */
  note(held: ReadonlyMap<string, Holding>): void {
    this.#held = held
    const entries = [...held].map(([name, { about, serial, fds }]) => ({
      ...{ name, about, serial },
      count: fds.length,
    }))
    this.#json.write({ keeping: KEEPING, stopped: this.#stopped, entries } satisfies Index)
  }

  /** Whether whoever comes next follows a stop that was wanted: then its config file counts. */
  stopped(is: boolean): void {
    if (this.#stopped === is) return
    this.#stopped = is
    this.note(this.#held)
  }

  /** => what it says; throws an Error in one line */
  read(): Index {
    const index = Object(this.#json.read()) as Partial<Index>
    if (index.keeping !== KEEPING || !Array.isArray(index.entries))
      throw new Error(`it is of another tapvs (${index.keeping}, this is ${KEEPING})`)
    return index as Index
  }

  #say(name: string, fds: readonly number[]): void {
    // Not polled: a queue whose device has gone would be taken out behind our back.
    tell(this.#socket, `FDSTORE=1\nFDNAME=${name}\nFDPOLL=0\n`, fds)
  }
}

const removal = (name: string) => `FDSTOREREMOVE=1\nFDNAME=${name}\n`

/** A manager that cannot be told is no reason to end. */
export function tell(socket: string, text: string, fds: readonly number[] = []): void {
  try {
    notify(socket, text, Int32Array.from(fds))
  } catch {}
}

/** What a manager has passed to this process by name; its variables are taken out of `environment`. Nothing if it is not for us. */
export function passedFds(environment: NodeJS.ProcessEnv, pid: number): Map<string, number> {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = environment
  for (const name of VARIABLES) delete environment[name]
  const count = /^\d{1,5}$/.test(LISTEN_FDS ?? '') ? Number(LISTEN_FDS) : 0
  const names = LISTEN_FDNAMES.split(':')
  const passed = new Map<string, number>()
  if (LISTEN_PID !== `${pid}` || count > FDS_MOST || names.length !== count) return passed
  for (const [i, name] of names.entries()) {
    const fd = FIRST_FD + i
    if (!isOpen(fd)) continue
    // Of two of one name neither can be told from the other; and what is not ours is closed.
    if (passed.has(name) || !name.startsWith('tapvs-')) closeFd(fd)
    else passed.set(name, fd)
  }
  return passed
}

export interface Restored {
  store: Store
  held: Map<string, Holding>
  /** Whether a stop that was wanted came before. */
  stopped: boolean
  /** Why what was stored is of no use, in words. */
  problem?: string
}

/** What a former process of this service had, as far as it is whole; the rest is forgotten. Throws NativeError. */
export function restored(passed: ReadonlyMap<string, number>, socket: string): Restored {
  const fresh = () => ({ store: new Store(socket), held: new Map(), stopped: false })
  if (passed.size === 0) return fresh()
  try {
    const index = passed.get(INDEX)
    if (index === undefined) throw new Error('there is no index')
    return takenFrom(new Store(socket, index), passed)
  } catch (error) {
    for (const [name, fd] of passed) {
      tell(socket, removal(name))
      closeFd(fd)
    }
    const why = (error as Error).message
    return { ...fresh(), problem: `what the service manager has stored is of no use (${why})` }
  }
}

function takenFrom(store: Store, passed: ReadonlyMap<string, number>): Restored {
  const { stopped, entries } = store.read()
  const left = new Map(passed)
  left.delete(INDEX)
  const held = new Map<string, Holding>()
  for (const entry of entries) take(entry, left, held)
  for (const [name, fd] of left) {
    store.forget(name)
    closeFd(fd)
  }
  store.note(held)
  return { store, held, stopped }
}

/** All of an entry, or nothing. */
function take(
  { name, about, serial, count }: Index['entries'][number],
  left: Map<string, number>,
  held: Map<string, Holding>,
): void {
  if (!(Number.isInteger(count) && count > 0 && count <= FDS_MOST)) return
  const names = Array.from({ length: count }, (_, place) => nameOf(serial, place))
  const fds = names.map(of => left.get(of))
  if (typeof name !== 'string' || fds.some(fd => fd === undefined)) return
  for (const of of names) left.delete(of)
  held.set(name, { fds: fds as number[], about, serial })
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}
