/**
 * A scheduler of the operator's own, in a packet thread: asked for each new connection, before the service's own. Whatever it does, the
 * connection finds an RS: what it may not choose is chosen by the other, and it is taken out for good, with a line that says why, when it
 * throws, or is slow again and again. One that never comes back hangs the thread, which is started again without it.
 */

import { evaluated, lineOf } from '../../config/scheduler-module.ts'
import type { AddressBook } from '../../engine/address-book.ts'
import type { Asker } from '../../engine/asker.ts'
import { type Counters, Event } from '../../engine/counters.ts'
import { Family } from '../../engine/family.ts'
import type { Dest, Dests, Service } from '../../engine/service.ts'
import type { OwnScheduler, SchedulerModule } from '../../engine/setup-parts.ts'
import { ipText } from '../../wire/ip-address.ts'
import { wordText } from './word-of.ts'

/** ms that a call may take, and how often it may take longer. */
export const STALL_MS = 5
export const STALLS_MOST = 3

/** What it is told of the client. */
export interface Client {
  address: string
  port: number
}

/** What it chooses from: all real servers of the service, in the order of their addresses. */
export interface Server {
  readonly address: string
  readonly port: number
  readonly weight: number
  /** Connections of this worker, ESTABLISHED and others. */
  readonly active: number
  readonly inactive: number
  /** It can take the connection: it has a weight, is not full, and an lport is left. */
  readonly usable: boolean
}

/** What of an engine counts connections, and events, and what words of addresses stand for. */
export interface Counting {
  addressBook: AddressBook
  dests: Dests
  counters: Counters
}

type Choose = (client: Client, servers: readonly Server[]) => unknown

/** Of this thread: who is told, and why none is asked, if none is. */
const thread = { tell: (_: string) => {}, without: '' }

/** Texts that were taken out in this thread; a service that is changed otherwise does not bring them back. */
const refused = new Set<string>()

/** Lines go to `tell`. `without` is why no scheduler is to be asked in this thread; empty: each is. */
export function ownSchedulersOf(tell: (text: string) => void, without = ''): void {
  Object.assign(thread, { tell, without })
}

/** Never throws: one that cannot be loaded here is out from the start. */
export function ownScheduler(module: SchedulerModule, engine: Counting): OwnScheduler {
  return new Own(module, engine, thread.without)
}

class View implements Server {
  readonly address: string
  readonly port: number
  readonly #dest: Dest
  readonly #own: Own
  /** Its place in the list of that version, and among addresses. */
  readonly place: number
  readonly version: number
  readonly order: readonly number[]

  constructor(dest: Dest, place: number, own: Own) {
    this.#dest = dest
    this.#own = own
    this.place = place
    this.version = dest.service.candidates.version
    this.address = wordText(own.book, dest.rip, dest.family)
    this.port = dest.rport
    this.order = dest.family === Family.IPV4 ? [dest.rip] : own.book.cells(dest.rip)
  }

  get weight(): number {
    return this.#dest.weight
  }

  get active(): number {
    return this.#own.dests.active(this.#dest.index)
  }

  get inactive(): number {
    return this.#own.dests.inactive(this.#dest.index)
  }

  get usable(): boolean {
    return this.#dest.service.candidates.takes(this.#dest, this.#own.without)
  }
}

class Own implements OwnScheduler {
  readonly module: SchedulerModule
  readonly dests: Dests
  readonly book: AddressBook
  readonly #counters: Counters
  /** Sub-pools without lports, for the call in hand. */
  without = 0
  /** undefined: it is out. */
  #call: Choose | undefined
  #slow = 0
  #servers: readonly View[] = []
  #version = -1

  constructor(module: SchedulerModule, counting: Counting, without: string) {
    const { dests, counters, addressBook } = counting
    this.module = module
    this.dests = dests
    this.book = addressBook
    this.#counters = counters
    if (refused.has(this.#name)) return
    if (without !== '') this.#takeOut(without)
    else this.#load()
  }

  choose(service: Service, without: number, asker: Asker): number {
    if (this.#call === undefined) return -1
    const { candidates, dests } = service
    if (this.#version !== candidates.version) this.#look(service)
    this.without = without
    const began = performance.now()
    let chosen: unknown
    try {
      chosen = this.#call({ address: clientText(asker), port: asker.port }, this.#servers)
    } catch (error) {
      this.#takeOut(`it threw ${lineOf(error)}`)
      return -1
    }
    this.#judge(performance.now() - began)
    if (chosen === undefined || chosen === null) return -1
    // One of an earlier list may name another place.
    if (chosen instanceof View) {
      const dest = chosen.version === candidates.version ? dests[chosen.place] : undefined
      return dest !== undefined && candidates.takes(dest, without) ? chosen.place : -1
    }
    // Rejected and heard by nobody, it would end the thread.
    if (chosen instanceof Promise) chosen.catch(() => {})
    this.#takeOut('it chose what is none of the servers that it was given')
    return -1
  }

  #look(service: Service): void {
    const { candidates, dests } = service
    const servers = dests
      .map((dest, place) => new View(dest, place, this))
      .sort((a, b) => compare(a.order, b.order) || a.port - b.port)
    // It gets the same list each time: what it took out, or put elsewhere, would stay so.
    this.#servers = Object.freeze(servers)
    this.#version = candidates.version
  }

  #judge(ms: number): void {
    if (ms <= STALL_MS || ++this.#slow < STALLS_MOST) return
    this.#takeOut(
      `${STALLS_MOST} calls of it took more than ${STALL_MS} ms, the last ${ms.toFixed(0)} ms`,
    )
  }

  get #name(): string {
    const { path, source } = this.module
    return `${path}\n${source}`
  }

  #load(): void {
    try {
      const loaded = evaluated(this.module)
      if (typeof loaded === 'function') this.#call = loaded as Choose
      else this.#takeOut('it exports no function')
    } catch (error) {
      this.#takeOut(lineOf(error))
    }
  }

  #takeOut(why: string): void {
    this.#call = undefined
    refused.add(this.#name)
    this.#counters.count(Event.SCHEDULER_OUT)
    const { path } = this.module
    thread.tell(
      `scheduler ${path} is out: ${why}; the service's own one chooses until another text of it is loaded`,
    )
  }
}

function clientText({ source, client }: Asker): string {
  if (!source) return ipText(client)
  const [a = 0, b = 0, c = 0, d = 0] = source
  return ipText([a, b, c, d])
}

/** As unsigned numbers. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((word, i) => word !== b[i])
  return at < 0 ? 0 : ((a[at] as number) >>> 0) - ((b[at] as number) >>> 0)
}
