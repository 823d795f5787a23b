/** What the daemon does when it is asked, a row a verb, and at SIGHUP. */

import type { Answer, PlanInfo, RecorderInfo, Request, VerbName, Verbs } from '../api/commands.ts'
import { isService, type ServiceKey, serviceName } from '../api/edits.ts'
import type { EventData, EventName } from '../api/events.ts'
import type { LogLevel, Module, ModuleLevels } from '../api/log-levels.ts'
import { Refused } from '../api/refused.ts'
import { configOfApart, readConfigApart } from '../config/apart.ts'
import { type Change, rsName } from '../config/changes.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { allServices } from '../config/snat.ts'
import { withoutDefaults } from '../config/write.ts'
import { counted } from '../see/text/counted.ts'
import { statusText } from './announce.ts'
import type { Keeping } from './keeper/keeping.ts'
import type { LogLevels } from './log/levels.ts'
import { cut } from './model/cut.ts'
import type { CarryOut, Model } from './model/model.ts'
import { aclPage } from './readings/acl-page.ts'
import type { Faults } from './readings/faults.ts'
import { ipsetPage, ipsets } from './readings/ipsets.ts'
import { addresses, counters, routes, services } from './readings/listings.ts'
import { numbers } from './readings/numbers.ts'
import { drops, edges, withFaults } from './readings/refusals.ts'
import { version } from './system/version.ts'
import type { Arms } from './threads/arms.ts'
import { type Own, ownOf } from './threads/own.ts'
import { connInfo, timeoutsOf } from './threads/snapshots.ts'
import type { Workers } from './threads/workers.ts'
import { type WhoisSources, whois } from './whois/whois.ts'

/** What there is to ask and to command, once it runs: as little of each as it takes. */
export interface Daemon {
  configPath: string
  model: Model
  workers: Pick<Workers, 'neighbours' | 'conns' | 'probe' | 'setDebug'> & {
    arms: Pick<Arms, 'state' | 'queues'>
    change(changes: readonly Change[], own?: Own): Promise<void>
  }
  log: {
    readonly levels: Pick<LogLevels, 'base' | 'own' | 'tracing'>
    info(text: string): void
    warn(text: string): void
    error(text: string): void
    setLevel(level: LogLevel, module?: Module): void
    setLevels(level: LogLevel, modules: ModuleLevels): void
    reopen(): void
  }
  records: WhoisSources['records'] & { reopen(): void }
  notifier: { reloading(): void; ready(status: string): void }
  events: { emit<N extends EventName>(name: N, data: EventData[N]): void }
  faults: Pick<Faults, 'list'>
  keeping: Pick<Keeping, 'ask'>
  /** The address of the page, with its token. */
  pageUrl: string | null
  watching: { ring: boolean; status(): RecorderInfo }
}

type Answers = {
  [V in VerbName]: (
    args: Verbs[V]['args'],
    daemon: Daemon,
  ) => Verbs[V]['answer'] | Promise<Verbs[V]['answer']>
}

const ANSWERS: Answers = {
  ping: (_, { model }) => ({ version, pid: process.pid, workers: model.config.workers.count }),
  ui: (_, { pageUrl }) => ({ url: pageUrl }),
  upgrade: (_, { keeping }) => toldBy(keeping.ask()),
  'begin-upgrade': (args, { keeping }) => toldBy(keeping.ask(args)),
  log: (_, { log }) => levelsOf(log),
  'set-log': setLog,
  recorder: (_, { watching }) => watching.status(),
  'set-recorder': ({ ring }, { watching }) => {
    watching.ring = ring
    return watching.status()
  },
  reopen: (_, daemon) => {
    reopenLogs(daemon)
    return null
  },
  services: ({ sorted }, { model }) => services(model, sorted),
  addresses: (_, { model }) => addresses(model),
  routes: (_, { model }) => routes(model),
  counters: (_, { model, workers }) => counters(model, workers.arms),
  numbers: (_, { model, workers }) => numbers(model, workers.arms),
  edges: (_, { model }) => edges(model.readings),
  drops: ({ reason }, { model, faults }) => withFaults(drops(model, reason), faults.list()),
  timeouts: (_, { model: { config } }) => ({
    ...config.file.tcp.timeouts,
    udp_oneway: config.file.udp.timeouts.oneway,
    udp_normal: config.file.udp.timeouts.normal,
  }),
  config: ({ defaults }, { model: { config } }) =>
    defaults ? config.file : withoutDefaults(config.file),
  edit: ({ edits, dry_run = false }, daemon) => daemon.model.edit(edits, dry_run, carryOut(daemon)),
  apply: async ({ config, dry_run = false }, daemon) =>
    apply(daemon, await configOfApart(config), dry_run),
  reload: async (_, daemon) => apply(daemon, await readConfigApart(daemon.configPath), false),
  zero: ({ service }, { model }) => {
    zero(model, service)
    return null
  },
  cut: (args, daemon) => cut(daemon, args),
  neighbours: (_, { workers }) => workers.neighbours(),
  whois: (args, daemon) => whois(args, daemon),
  acl: (args, { model }) => aclPage(model, args),
  ipsets: (_, { model }) => ipsets(model),
  ipset: (args, { model }) => ipsetPage(model, args),
  conns: ({ from, limit }, { workers, model }) =>
    workers.conns(from, limit, (page, index, worker) =>
      connInfo(page, index, worker, timeoutsOf(model.config), place =>
        model.readings.establishedMs(place),
      ),
    ),
}

/** Answers one request. Rejects with Refused, or with another error in one line. */
export async function respond<V extends VerbName>(
  { verb, ...args }: Request<V>,
  daemon: Daemon,
): Promise<Answer<V>> {
  return { ok: await ANSWERS[verb as V](args as Verbs[V]['args'], daemon) }
}

/** What it refuses is by its shape: it may be of a bundle, which has a class of its own for that. */
async function toldBy<T>(keeper: Promise<T>): Promise<T> {
  try {
    return await keeper
  } catch (error) {
    const { kind, message } = error as Refused
    throw new Refused(kind, message)
  }
}

function carryOut({ workers }: Daemon): CarryOut {
  return (changes, after) => workers.change(changes, ownOf(after))
}

async function apply(daemon: Daemon, config: Config, dryRun: boolean): Promise<PlanInfo> {
  const { model, log } = daemon
  const plan = await model.apply(config, dryRun, carryOut(daemon))
  if (dryRun || plan.restart.length > 0) return plan
  for (const warning of plan.warnings) log.warn(`TAPVS: ${warning}`)
  const { level, modules } = config.log
  changeLevels(daemon, () => log.setLevels(level, modules))
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
  const all = allServices(config)
  const chosen = key ? all.filter(service => isService(service, key)) : all
  if (key && chosen.length === 0) throw Refused.missing('service', serviceName(key))
  for (const service of chosen) {
    for (const rs of service.realServers) readings.zero(places.dests.find(rsName(service, rs)))
  }
}

function setLog(
  { level, module, modules = {} }: Verbs['set-log']['args'],
  daemon: Daemon,
): Verbs['set-log']['answer'] {
  const { log } = daemon
  if (module) changeLevels(daemon, () => log.setLevel(level, module), { level, module })
  else changeLevels(daemon, () => log.setLevels(level, modules))
  return levelsOf(log)
}

/** Of modules those that differ from the rest. */
function levelsOf({ levels: { base, own } }: Daemon['log']): Verbs['log']['answer'] {
  return Object.keys(own).length === 0 ? { level: base } : { level: base, modules: own }
}

/** Those who want to know hear of it if it changes anything: all levels, or `event`. */
function changeLevels(
  { workers, log, events }: Daemon,
  change: () => void,
  event?: EventData['log'],
): void {
  const { levels } = log
  const shown = () => JSON.stringify([levels.base, levels.own])
  const before = shown()
  change()
  workers.setDebug(levels.tracing)
  if (shown() !== before) events.emit('log', event ?? levelsOf(log))
}

/** After somebody renamed the files of the log. */
export function reopenLogs({ log, records }: Pick<Daemon, 'log' | 'records'>): void {
  log.reopen()
  records.reopen()
}
