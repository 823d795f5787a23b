/**
 * The client of the API, `tapvs/client`: a method per operation. It needs nothing but Node.
 *
 *     const tapvs = new TapvsClient({ socket: '/run/tapvs/tapvs.sock' })
 *     for (const service of await tapvs.services()) console.log(service.address, service.port)
 */

import { Agent } from 'node:http'
import { DEFAULT_PROTOCOL } from '../api/protocols.ts'
import { type HttpRequest, type Method, queryOf } from '../api/verbs.ts'
import { failed, parsed } from './error.ts'
import { type EventOptions, eventsOf } from './events.ts'
import { exchange, type Reply, type Target } from './exchange.ts'
import {
  bytesOf,
  type CaptureOptions,
  type JournalOptions,
  type Lost,
  momentsOf,
  type PacketOptions,
} from './streams.ts'
import type * as t from './types.ts'

export { TapvsError } from './error.ts'
export type { EventOptions } from './events.ts'
export type { Target } from './exchange.ts'
export type { CaptureOptions, JournalOptions, Lost, PacketOptions } from './streams.ts'
export type * from './types.ts'

export interface ClientOptions {
  /** ms for an answer; default 10 s. The daemon gives up on its packet threads after 5 s. */
  timeoutMs?: number
}

/**
 * Methods reject with TapvsError, or with Node's error (ENOENT, ECONNREFUSED, EACCES, ETIMEDOUT ...) when there is no
 * daemon to be reached. What a connection that broke was to read is asked for once more; a change is not, because it may
 * have been made.
 */
export class TapvsClient {
  readonly #target: Target
  readonly #timeoutMs: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 })

  constructor(target: Target, { timeoutMs = 10_000 }: ClientOptions = {}) {
    this.#target = target
    this.#timeoutMs = timeoutMs
  }

  /** Closes the connections that are kept for the next request. */
  close(): void {
    this.#agent.destroy()
  }

  ping = (): Promise<t.Pong> => this.#get('/v1/ping')
  /** Where the page is, with its token. */
  ui = (): Promise<t.Page> => this.#get('/v1/ui')
  counters = (): Promise<t.Counters> => this.#get('/v1/counters')
  services = (): Promise<t.Service[]> => this.#get('/v1/services')
  ipsets = (): Promise<t.Ipset[]> => this.#get('/v1/ipsets')

  /** A page of what a named set holds; `total` says how many there are. */
  ipset(name: string, from = 0): Promise<t.IpsetPage> {
    return this.#get(`/v1/ipset${queryOf({ name, from })}`)
  }

  addresses = (): Promise<t.Address[]> => this.#get('/v1/addresses')
  routes = (): Promise<t.Route[]> => this.#get('/v1/routes')
  neighbours = (): Promise<t.Neighbour[]> => this.#get('/v1/neighbours')
  timeouts = (): Promise<t.Timeouts> => this.#get('/v1/timeouts')
  numbers = (): Promise<t.Numbers> => this.#get('/v1/numbers')
  edges = (): Promise<t.Edge[]> => this.#get('/v1/edges')
  /** The last refused frames of one reason, or of all that have any. */
  drops = (reason?: string): Promise<t.Drop[]> => this.#get(`/v1/drops${queryOf({ reason })}`)
  /** What Prometheus scrapes. */
  metrics = async (): Promise<string> => (await this.#read('/metrics')).text
  /** As a config file holds it. */
  config = (): Promise<Record<string, unknown>> => this.#get('/v1/config')
  /** The OpenAPI document. */
  openapi = (): Promise<Record<string, unknown>> => this.#get('/v1/openapi.json')
  logLevel = async (): Promise<t.LogLevel> => (await this.logLevels()).level
  /** With those of modules that have one of their own. */
  logLevels = (): Promise<t.LogLevels> => this.#get('/v1/log')

  /** Of one module, or of all. => the level of those that have none of their own */
  async setLogLevel(level: t.LogLevel, module?: t.LogModule): Promise<t.LogLevel> {
    const body = { level, ...(module && { module }) }
    return (await this.#send<t.LogLevels>('PUT', '/v1/log', body)).level
  }

  /** Of all modules; those that are not named get that of all. */
  setLogLevels(levels: t.LogLevels): Promise<t.LogLevels> {
    return this.#send('PUT', '/v1/log', levels)
  }

  /** For whoever has renamed the files of the log. */
  async reopenLog(): Promise<void> {
    await this.#send('POST', '/v1/log/reopen', {})
  }

  /** Which program runs, and how an upgrade goes. */
  upgrade = (): Promise<t.Upgrade> => this.#get('/v1/upgrade')

  /** Hands over to another program, with all connections; by the control socket only. `upgrade` says how it goes. */
  beginUpgrade(request: t.UpgradeRequest = {}): Promise<t.Upgrade> {
    return this.#send('POST', '/v1/upgrade', request)
  }

  recorder = (): Promise<t.Recorder> => this.#get('/v1/recorder')

  /** Keeps the flight recorder on without anybody who looks, or no longer. */
  setRecorder(ring: boolean): Promise<t.Recorder> {
    return this.#send('PUT', '/v1/recorder', { ring })
  }

  /** A page; `next` of the answer is `from` of the next one, -1 at the end. */
  connPage(from = 0, limit = 1000): Promise<t.ConnPage> {
    return this.#get(`/v1/conns${queryOf({ from, limit })}`)
  }

  /** All connections, page by page. */
  async *conns(): AsyncGenerator<t.Conn> {
    for (let from = 0; from >= 0; ) {
      const page = await this.connPage(from)
      yield* page.conns
      from = page.next
    }
  }

  /** Who is behind LIP:lport, or what a client has; now, or in a time gone by if the history is on. */
  whois({ from, to = from, ...question }: t.WhoisQuestion): Promise<t.Whois> {
    const time = { from: from?.getTime(), to: to?.getTime() }
    return this.#get(`/v1/whois${queryOf({ ...question, ...time })}`)
  }

  /** What happens, from now on or after an event; ends when the daemon does, or by `signal`. */
  events(options: EventOptions = {}): AsyncGenerator<t.DaemonEvent | t.Missed> {
    return eventsOf(this.#target, options, failed)
  }

  /** Packets and what became of them: what the recorders hold, and with `follow` what comes. */
  moments(options: PacketOptions = {}): AsyncGenerator<t.Moment | Lost> {
    return momentsOf(this.#target, options, failed)
  }

  /** The same as a file in pcapng, from now on unless `follow` is false; whole after each block. */
  capture(options: CaptureOptions = {}): AsyncGenerator<Uint8Array> {
    return bytesOf(this.#target, '/v1/capture', options, failed)
  }

  /** A journal for `tapvs replay`. It holds the key of the sequence numbers. */
  journal(options: JournalOptions = {}): AsyncGenerator<Uint8Array> {
    return bytesOf(this.#target, '/v1/journal', options, failed)
  }

  service(service: t.ServiceRef): Promise<t.Service> {
    return this.#get(pathOf(service))
  }

  addService(service: t.NewService, how?: t.How): Promise<t.Plan> {
    return this.#change('POST', '/v1/services', service, how)
  }

  editService(service: t.ServiceRef, change: t.ServiceChange, how?: t.How): Promise<t.Plan> {
    return this.#change('PUT', pathOf(service), change, how)
  }

  deleteService(service: t.ServiceRef, how?: t.How): Promise<t.Plan> {
    return this.#change('DELETE', pathOf(service), undefined, how)
  }

  clearServices(how?: t.How): Promise<t.Plan> {
    return this.#change('DELETE', '/v1/services', undefined, how)
  }

  addServer(service: t.ServiceRef, server: t.NewServer, how?: t.How): Promise<t.Plan> {
    return this.#change('POST', `${pathOf(service)}/servers`, server, how)
  }

  editServer(
    service: t.ServiceRef,
    server: t.ServerRef,
    change: t.ServerChange,
    how?: t.How,
  ): Promise<t.Plan> {
    return this.#change('PATCH', pathOf(service, server), change, how)
  }

  deleteServer(service: t.ServiceRef, server: t.ServerRef, how?: t.How): Promise<t.Plan> {
    return this.#change('DELETE', pathOf(service, server), undefined, how)
  }

  addLip(service: t.ServiceRef, lip: t.NewLip, how?: t.How): Promise<t.Plan> {
    return this.#change('POST', `${pathOf(service)}/lips`, lip, how)
  }

  deleteLip(service: t.ServiceRef, { address, arm }: t.NewLip, how?: t.How): Promise<t.Plan> {
    const path = `${pathOf(service)}/lips/${encodeURIComponent(address)}`
    return this.#change('DELETE', path, undefined, how, { arm })
  }

  addAddress(address: t.NewAddress, how?: t.How): Promise<t.Plan> {
    return this.#change('POST', '/v1/addresses', address, how)
  }

  deleteAddress(address: Omit<t.NewAddress, 'lip'>, how?: t.How): Promise<t.Plan> {
    return this.#change('DELETE', '/v1/addresses', undefined, how, address)
  }

  addRoute(route: t.NewRoute, how?: t.How): Promise<t.Plan> {
    return this.#change('POST', '/v1/routes', route, how)
  }

  deleteRoute(route: t.NewRoute, how?: t.How): Promise<t.Plan> {
    return this.#change('DELETE', '/v1/routes', undefined, how, route)
  }

  addNeighbour(neighbour: t.NewNeighbour, how?: t.How): Promise<t.Plan> {
    return this.#change('POST', '/v1/neighbours', neighbour, how)
  }

  deleteNeighbour(neighbour: Omit<t.NewNeighbour, 'mac'>, how?: t.How): Promise<t.Plan> {
    return this.#change('DELETE', '/v1/neighbours', undefined, how, neighbour)
  }

  setTimeouts(timeouts: t.NewTimeouts, how?: t.How): Promise<t.Plan> {
    return this.#change('PUT', '/v1/timeouts', timeouts, how)
  }

  /** Statistics begin at 0 again, of one service or all. */
  async zero(service?: t.ServiceRef): Promise<void> {
    const body = service ? { service: { protocol: DEFAULT_PROTOCOL, ...service } } : {}
    await this.#send('POST', '/v1/stats/zero', body)
  }

  /** Ends the connections of a real server, of one service or all; give it weight 0 first. => how many there were */
  async cut(server: t.ServerRef, service?: t.ServiceRef): Promise<number> {
    const body = { server, ...(service && { service: { protocol: DEFAULT_PROTOCOL, ...service } }) }
    const { connections } = await this.#send<t.Cut>('POST', '/v1/cut', body)
    return connections
  }

  /** Several changes, all or none. */
  edit(edits: readonly t.Edit[], { dryRun = false }: t.How = {}): Promise<t.Plan> {
    return this.#send('POST', '/v1/edits', { edits, dry_run: dryRun })
  }

  /** What a config would change; rejects with its mistakes in `problems`. */
  checkConfig(config: object): Promise<t.Plan> {
    return this.#send('POST', '/v1/config/check', { config })
  }

  applyConfig(config: object, { dryRun = false }: t.How = {}): Promise<t.Plan> {
    return this.#send('POST', '/v1/config/apply', { config, dry_run: dryRun })
  }

  /** The daemon reads its own config file again. */
  reloadConfig(): Promise<t.Plan> {
    return this.#send('POST', '/v1/config/reload', {})
  }

  async #get<T>(path: string): Promise<T> {
    return parsed(await this.#read(path)) as T
  }

  async #read(path: string): Promise<Reply> {
    try {
      return await this.#exchange({ method: 'GET', path })
    } catch (error) {
      // A kept connection that the daemon has closed in the meantime.
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ECONNRESET' && code !== 'EPIPE') throw error
      return await this.#exchange({ method: 'GET', path })
    }
  }

  #change(
    method: Method,
    path: string,
    body: object | undefined,
    { dryRun }: t.How = {},
    query: object = {},
  ): Promise<t.Plan> {
    return this.#send(method, path + queryOf({ ...query, dry_run: dryRun }), body)
  }

  async #send<T>(method: Method, path: string, body: object | undefined): Promise<T> {
    const request = body ? { method, path, body } : { method, path }
    return parsed(await this.#exchange(request)) as T
  }

  async #exchange({ method, path, body }: HttpRequest): Promise<Reply> {
    // A change must not meet a kept connection that is just being closed: it could not be asked again.
    const agent = method === 'GET' ? this.#agent : undefined
    const options = { method, path, body: body && JSON.stringify(body), agent }
    const reply = await exchange(this.#target, options, this.#timeoutMs)
    if (reply.status >= 300) throw failed(reply)
    return reply
  }
}

function pathOf(
  { protocol = DEFAULT_PROTOCOL, address, port }: t.ServiceRef,
  server?: t.ServerRef,
): string {
  const path = `/v1/services/${protocol}/${encodeURIComponent(address)}/${port}`
  return server ? `${path}/servers/${encodeURIComponent(server.address)}/${server.port}` : path
}
