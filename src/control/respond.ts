/** What the daemon does when it is asked: every verb of the control, and SIGHUP. */

import type { Answer, PlanInfo, Request, Verbs } from '../api/commands.ts'
import { isService, type ServiceKey, serviceName } from '../api/edits.ts'
import type { LogLevel, Module } from '../api/log-levels.ts'
import { configOfApart, readConfigApart } from '../config/apart.ts'
import { rsName } from '../config/changes.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { withoutDefaults } from '../config/write.ts'
import { counted } from '../see/text/counted.ts'
import { statusText } from './announce.ts'
import type { Log } from './log/log.ts'
import { cut } from './model/cut.ts'
import type { Events } from './model/events.ts'
import type { CarryOut, Model } from './model/model.ts'
import { addresses, counters, routes, services } from './readings/listings.ts'
import { numbers } from './readings/numbers.ts'
import { drops, edges } from './readings/refusals.ts'
import type { Watching } from './recorder/watching.ts'
import type { Records } from './records.ts'
import type { Notifier } from './system/notify.ts'
import type { Signals } from './system/stop.ts'
import { version } from './system/version.ts'
import { lipsOf } from './threads/arms.ts'
import { connInfo } from './threads/snapshots.ts'
import type { Workers } from './threads/workers.ts'
import { whois } from './whois/whois.ts'

/** What there is to ask and to command, once it runs. */
export interface Daemon {
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

/** Answers one request; what it throws is an error too. */
export async function respond(request: Request, daemon: Daemon): Promise<Answer> {
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
      return { ok: edges(model.readings) }
    case 'drops':
      return { ok: drops(model, request.reason) }
    case 'timeouts':
      return { ok: model.config.file.tcp.timeouts }
    case 'config':
      return { ok: withoutDefaults(model.config.file) }
    case 'edit':
      return { ok: await model.edit(request.edits, request.dry_run ?? false, carryOut(daemon)) }
    case 'apply':
      return {
        ok: await apply(daemon, await configOfApart(request.config), request.dry_run ?? false),
      }
    case 'reload':
      return { ok: await apply(daemon, await readConfigApart(daemon.configPath), false) }
    case 'zero':
      zero(model, request.service)
      return { ok: null }
    case 'cut':
      return { ok: await cut(daemon, request) }
    case 'neighbours':
      return workers.neighbours()
    case 'whois':
      return { ok: await whois(request, daemon) }
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
  log.info(`TAPVS: config applied, ${counted(plan.steps.length, 'change')}`)
  return plan
}

/** SIGHUP: a config with a mistake is told line by line, and the running one stays. */
export async function reloadBySignal(daemon: Daemon): Promise<void> {
  const { configPath, log, model, notifier } = daemon
  notifier.reloading()
  // What rotates logs says so by this signal.
  reopenLogs(daemon)
  try {
    const plan = await apply(daemon, await readConfigApart(configPath), false)
    for (const key of plan.restart) log.error(`TAPVS: not reloaded: ${key} needs a restart`)
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems : [(error as Error).message]
    for (const problem of problems) log.error(`TAPVS: not reloaded: ${problem}`)
  }
  notifier.ready(statusText(model.config))
}

function zero({ config, places, readings }: Model, key: ServiceKey | undefined): void {
  const chosen = key ? config.services.filter(service => isService(service, key)) : config.services
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

/** After somebody renamed the files of the log. */
export function reopenLogs({ log, records }: Pick<Daemon, 'log' | 'records'>): void {
  log.reopen()
  records.reopen()
}
