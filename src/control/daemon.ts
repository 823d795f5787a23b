/**
 * The daemon: config -> log -> workers -> control socket, and the same backwards at the end. This thread never
 * touches a packet; it may block on a slow log without anybody noticing but its own clients.
 */

import { TraceRing } from '../engine/trace.ts'
import { Events } from './api/events.ts'
import { newTables, workerId } from './apply.ts'
import { lipsOf } from './arms.ts'
import { captureHead } from './capture-head.ts'
import { rsName } from './changes.ts'
import { CHECK_ARM } from './checks/check-arm.ts'
import { Checks } from './checks/host.ts'
import type { Answer, LogLevel, PlanInfo, Request, Verbs } from './commands.ts'
import { type Config, ConfigError, configOf, readConfig } from './config.ts'
import { pageConfig, type UiOption } from './config-listeners.ts'
import { withoutDefaults } from './config-write.ts'
import { Dumps } from './dumps.ts'
import { type ServiceKey, serviceName } from './edits.ts'
import { Journals } from './journal/recorder.ts'
import { addresses, counters, routes, services } from './listings.ts'
import { type Log, openLog } from './log.ts'
import type { Module } from './log-levels.ts'
import { type CarryOut, Model } from './model.ts'
import { Notifier } from './notify.ts'
import { numbers } from './numbers.ts'
import { SAMPLE_MS } from './rates.ts'
import { Readings } from './readings.ts'
import { Records } from './records.ts'
import { clock, drops, edges } from './refusals.ts'
import { type ControlServer, claimSocket, openServer } from './server.ts'
import { connInfo } from './snapshots.ts'
import { drained, Signals } from './stop.ts'
import { TraceReader } from './trace-reader.ts'
import { Ui } from './ui/ui.ts'
import { version } from './version.ts'
import { newFlight, Watching } from './watching.ts'
import { whois } from './whois/whois.ts'
import { Workers } from './workers.ts'

/** A debug burst of some 80 ms at the full rate of packets. */
const TRACE_RECORDS = 16_384

/** What the end takes after the connections have ended, in seconds, at most. */
const STOP_SECONDS = 10

export interface RunOptions {
  ui?: UiOption
}

/** Runs until SIGTERM or SIGINT, and for control.drain seconds more if connections are left. => exit code: 0 stopped, 1 failed, 2 a wrong config */
export async function runDaemon(configPath: string, options: RunOptions = {}): Promise<number> {
  let config: Config
  try {
    config = readConfig(configPath)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) process.stderr.write(`${problem}\n`)
    return 2
  }
  const log = openLog(config.log)
  for (const warning of config.warnings) log.warn(`TAPVS: ${warning}`)
  try {
    return await serve(config, configPath, log, options)
  } catch (error) {
    log.error(`TAPVS: ${(error as Error).message}`)
    return 1
  } finally {
    await log.flush()
  }
}

/** What there is to ask and to command, once it runs. */
interface Daemon {
  configPath: string
  model: Model
  workers: Workers
  log: Log
  records: Records
  notifier: Notifier
  signals: Signals
  events: Events
  /** The address of the page, with its token. */
  pageUrl: string | null
  watching: Watching
}

async function serve(
  config: Config,
  configPath: string,
  log: Log,
  options: RunOptions,
): Promise<number> {
  // Asked first, because a second daemon would fail at the TAPs with words that help nobody.
  await claimSocket(config.control.socket)

  const indices = Array.from({ length: config.workers.count }, (_, index) => index)
  const traces = indices.map(() => new SharedArrayBuffer(TraceRing.bytesFor(TRACE_RECORDS)))
  const first = newTables(config)
  const tables = indices.map(index => (index === 0 ? first : newTables(config, first.templates)))
  const model = new Model(config, new Readings(config, tables))
  const warn = (text: string) => log.of('arm').warn(`TAPVS: ${text}`)
  const records = new Records(config, log)
  const { rings } = records
  const flights = indices.map(() => newFlight(config.capture))
  const arms = [...config.arms.map(arm => arm.name), CHECK_ARM]
  const watching = new Watching(flights, arms, config.capture)
  const memories = { tables, traces, traceRecords: TRACE_RECORDS, flights, sessions: rings }
  const workers = new Workers(config, model.initial, memories, warn)
  const readers = traces.map((trace, index) => {
    const ring = new TraceRing(trace, TRACE_RECORDS)
    const names = { worker: workerId(index), arms }
    return new TraceReader(ring, TRACE_RECORDS, names, log, () => model.readings.traceLost(index))
  })
  for (const reader of readers) reader.start()
  records.start()

  const signals = new Signals()
  const notifier = new Notifier(process.env, warn)
  const events = new Events()
  const daemon: Daemon = {
    configPath,
    model,
    workers,
    log,
    records,
    notifier,
    signals,
    events,
    watching,
    pageUrl: null,
  }
  workers.arms.onChange = (arm, up) => events.emit('arm', { arm, up })
  const headOf = captureHead(() => model.config.arms)
  const counts = () => ({ ...model.readings.drops(), ...model.readings.events() })
  const dumps = new Dumps({ watching, headOf, counts, log }, config.capture.dump)
  model.onChange(({ steps, warnings }) => {
    watching.capture = model.config.capture
    dumps.config = model.config.capture.dump
    events.emit('config', { steps, warnings })
  })
  const rates = setInterval(() => model.sampleRates(performance.now()), SAMPLE_MS)
  let server: ControlServer | undefined
  let checks: Checks | undefined
  let ui: Ui | undefined
  try {
    const first = await Promise.race([workers.ready, signals.stop])
    if (first === 'stop') return 0
    workers.setDebug(log.levels.tracing)
    model.sampleRates(performance.now())
    const { socket, http } = config.control
    const page = pageConfig(config.control.ui, options.ui)
    if (page) ui = new Ui(page, { model, workers, watching })
    server = await openServer(socket, request => respond(request, daemon), {
      events,
      watching,
      journals: new Journals(workers, flights, watching, () => model.config),
      headOf,
      http,
      ui: ui?.listener ?? null,
    })
    signals.onReload(() => void reloadBySignal(daemon))
    log.info(readyText(config), 'ready')
    if (ui && server.uiPort !== undefined) daemon.pageUrl = ui.announce(server.uiPort, log)
    checks = new Checks(model, workers, log.of('check'), events)
    notifier.ready(statusText(model.config))
    model.onChange(() => notifier.status(statusText(model.config)))
    notifier.watch(() => workers.alive())
    const end = await Promise.race([workers.ended, signals.stop])
    if (end !== 'stop') throw new Error(`a packet thread ended: ${end}`)
    // What would fail from now on says nothing of the real servers.
    checks.stop()
    events.stop()
    await letEnd(daemon)
    return 0
  } finally {
    clearInterval(rates)
    notifier.end()
    watching.stop()
    await dumps.stop()
    checks?.stop()
    ui?.stop()
    await workers.stop()
    await server?.close()
    for (const reader of readers) reader.stop()
    await records.stop()
  }
}

/** The time between the signal and the end, in which connections may end by themselves. */
async function letEnd({ model, workers, log, notifier, signals }: Daemon): Promise<void> {
  const seconds = model.config.control.drain
  notifier.stopping('stopping', seconds + STOP_SECONDS)
  if (seconds === 0) return
  const drain = async () => {
    await workers.drain()
    await drained({
      seconds,
      left: () => model.readings.conns().used,
      hurry: signals.hurry,
      log: text => log.info(`TAPVS: ${text}`),
      status: text => notifier.status(text),
    })
    return 'drained'
  }
  const gone = await Promise.race([workers.ended, drain()])
  if (gone !== 'drained') throw new Error(`a packet thread ended: ${gone}`)
}

async function respond(request: Request, daemon: Daemon): Promise<Answer> {
  const { model, workers } = daemon
  switch (request.verb) {
    case 'ping':
      return { ok: { version, pid: process.pid, workers: model.config.workers.count } }
    case 'ui':
      return { ok: { url: daemon.pageUrl } }
    case 'log':
      return { ok: setLog(daemon, request) }
    case 'recorder':
      if (request.ring !== undefined) daemon.watching.ring = request.ring
      return { ok: daemon.watching.status() }
    case 'reopen':
      reopenLogs(daemon)
      return { ok: null }
    case 'services':
      return { ok: services(model) }
    case 'addresses':
      return { ok: addresses(model) }
    case 'routes':
      return { ok: routes(model) }
    case 'counters':
      return { ok: counters(model, workers.arms) }
    case 'numbers':
      return { ok: numbers(model, workers.arms) }
    case 'edges':
      return { ok: edges(model.readings, clock()) }
    case 'drops':
      return { ok: drops(model, clock(), request.reason) }
    case 'timeouts':
      return { ok: model.config.file.tcp.timeouts }
    case 'config':
      return { ok: withoutDefaults(model.config.file) }
    case 'edit':
      return { ok: await model.edit(request.edits, request.dry_run ?? false, carryOut(daemon)) }
    case 'apply':
      return { ok: await apply(daemon, configOf(request.config), request.dry_run ?? false) }
    case 'reload':
      return { ok: await apply(daemon, readConfig(daemon.configPath), false) }
    case 'zero':
      zero(model, request.service)
      return { ok: null }
    case 'neighbours':
      return workers.neighbours()
    case 'whois': {
      const { records } = daemon
      const { history } = records
      const catchUp = () => records.catchUp()
      return { ok: await whois(request, { model, workers, history, catchUp }) }
    }
    case 'conns':
      return workers.conns(request.from, request.limit, (page, index, worker) =>
        connInfo(page, index, worker, model.config.tcp.timeouts, place =>
          model.readings.establishedMs(place),
        ),
      )
  }
}

function carryOut(daemon: Daemon): CarryOut {
  return (changes, after) => daemon.workers.change(changes, lipsOf(after))
}

async function apply(daemon: Daemon, config: Config, dryRun: boolean): Promise<PlanInfo> {
  const { model, log } = daemon
  const plan = await model.apply(config, dryRun, carryOut(daemon))
  if (dryRun || plan.restart.length > 0) return plan
  for (const warning of plan.warnings) log.warn(`TAPVS: ${warning}`)
  const { level, modules } = config.log
  changeLevels(daemon, { level }, () => log.setLevels(level, modules))
  log.info(`TAPVS: config applied, ${plan.steps.length} changes`)
  return plan
}

/** A config with a mistake is told line by line, and the running one stays. */
async function reloadBySignal(daemon: Daemon): Promise<void> {
  const { configPath, log, model, notifier } = daemon
  notifier.reloading()
  // What rotates logs says so by this signal.
  reopenLogs(daemon)
  try {
    const plan = await apply(daemon, readConfig(configPath), false)
    for (const key of plan.restart) log.error(`TAPVS: not reloaded: ${key} needs a restart`)
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : [(error as Error).message]
    for (const problem of problems) log.error(`TAPVS: not reloaded: ${problem}`)
  }
  notifier.ready(statusText(model.config))
}

function zero({ config, places, readings }: Model, key: ServiceKey | undefined): void {
  const chosen = key
    ? config.services.filter(({ address, port }) => address === key.address && port === key.port)
    : config.services
  if (key && chosen.length === 0) throw new Error(`no service ${serviceName(key)}`)
  for (const service of chosen) {
    for (const rs of service.realServers) readings.zero(places.dests.find(rsName(service, rs)))
  }
}

/** => the levels afterwards, of modules those that differ from the rest */
function setLog(daemon: Daemon, { level, module }: Verbs['log']['args']): Verbs['log']['answer'] {
  const { log } = daemon
  if (level !== undefined) {
    changeLevels(daemon, { level, ...(module && { module }) }, () => log.setLevel(level, module))
  }
  const { base, own } = log.levels
  return Object.keys(own).length === 0 ? { level: base } : { level: base, modules: own }
}

/** `event` is what those hear who want to know, if it changes anything. */
function changeLevels(
  { workers, log: { levels }, events }: Daemon,
  event: { level: LogLevel; module?: Module },
  change: () => void,
): void {
  const shown = () => JSON.stringify([levels.base, levels.own])
  const before = shown()
  change()
  workers.setDebug(levels.tracing)
  if (shown() !== before) events.emit('log', event)
}

function reopenLogs({ log, records }: Daemon): void {
  log.reopen()
  records.reopen()
}

/** What `systemctl status` shows. */
function statusText({ services, workers }: Config): string {
  const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  return `${many(services.length, 'service')}, ${many(workers.count, 'worker')}`
}

function readyText(config: Config): string {
  const arms = config.arms.map(({ name, netns }) => (netns ? `${name} (${netns})` : name))
  const services = config.services.map(
    ({ address, port, scheduler }) => `TCP ${address}:${port} ${scheduler}`,
  )
  const { count } = config.workers
  const { http } = config.control
  const threads = count === 1 ? '1 worker' : `${count} workers`
  return `TAPVS: ready, ${threads}, arms ${arms.join(', ')}; services ${services.join(', ') || 'none'}; socket ${config.control.socket}${http ? `, http://${http.address}:${http.port}` : ''}`
}
