/**
 * The daemon: config -> log -> workers -> control socket, and the same backwards at the end. This thread never
 * touches a packet; it may block on a slow log without anybody noticing but its own clients.
 */

import { withDevice } from '../config/arms.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { pageConfig, type UiOption } from '../config/listeners.ts'
import { TraceRing } from '../engine/trace.ts'
import { ifConfined } from '../io/confined.ts'
import { type Life, resign } from '../io/life.ts'
import { confineProcess } from '../io/native.ts'
import { printable } from '../see/text/printable.ts'
import { readyText, startText, statusText, stopText, tookText } from './announce.ts'
import { type Begin, beginWith } from './begin.ts'
import { Checks } from './checks/host.ts'
import type { KeptHealth } from './checks/kept-health.ts'
import { close, letEnd, letGo, type Opened } from './ending.ts'
import { claimSocket, openServer } from './http/server.ts'
import { Journals } from './journal/journals.ts'
import { Keep } from './keep.ts'
import { NO_KEEPER } from './keeper/keeping.ts'
import { FlappingNeighbours } from './log/flapping-neighbours.ts'
import { type Log, openLog } from './log/log.ts'
import { Shortage } from './log/shortage.ts'
import { SilentNeighbours } from './log/silent-neighbours.ts'
import { SynProxyTurns } from './log/syn-proxy-turns.ts'
import { TraceReader } from './log/trace-reader.ts'
import { Mishaps } from './mishaps.ts'
import { Events } from './model/events.ts'
import { untilFree } from './network/kinds.ts'
import { withDevices } from './network/nic.ts'
import { services } from './readings/listings.ts'
import { SAMPLE_MS } from './readings/rates.ts'
import { captureHead } from './recorder/capture-head.ts'
import { Dumps } from './recorder/dumps.ts'
import { Watching } from './recorder/watching.ts'
import { Records } from './records.ts'
import { reloadBySignal, reopenLogs, respond } from './respond.ts'
import { type SetUpModel, setUp } from './set-up.ts'
import { Notifier } from './system/notify.ts'
import { Signals } from './system/stop.ts'
import { CHECK_ARM } from './threads/check-arm.ts'
import { heldName } from './threads/kept-arms.ts'
import { workerId } from './threads/memory.ts'
import { Workers, type WorkersOptions } from './threads/workers.ts'
import { Ui } from './ui/ui.ts'

export interface RunOptions extends Omit<WorkersOptions, 'warn'> {
  ui?: UiOption
  /** Of this thread; left out if nobody would look. */
  life?: Life
  /** What was no good before there was a log, each in one line. */
  problems?: string[]
  /** Made before anything was loaded that takes time. */
  signals?: Signals
}

/** Runs until SIGTERM, SIGINT or SIGQUIT, and for control.drain seconds more if connections are left. => exit code: 0 stopped, 1 failed, 2 a wrong config */
export async function runDaemon(configPath: string, options: RunOptions = {}): Promise<number> {
  let begin: Begin
  try {
    begin = beginWith(configPath, options.keeping)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) process.stderr.write(`${printable(problem)}\n`)
    return 2
  }
  const { config, problem } = begin
  const log = openLog(config.log)
  if (problem) log.warn(`TAPVS: ${problem}`)
  for (const warning of config.warnings) log.warn(`TAPVS: ${warning}`)
  try {
    return await serve(begin, configPath, log, options)
  } catch (error) {
    log.error(`TAPVS: ${await saidWithRemedy(error as Error, config, configPath)}`)
    return 1
  } finally {
    await log.flush()
  }
}

/** What the system has refused says why, and not what to do; the rest says both. */
async function saidWithRemedy(error: Error, config: Config, file: string): Promise<string> {
  const { message } = error
  const isSystems = 'code' in error || error instanceof RangeError
  if (!isSystems) return message
  const { remedy } = await import('./doctor/remedy.ts')
  return `${message}; ${await remedy(error, config, file)}`
}

async function serve(
  begin: Begin,
  configPath: string,
  log: Log,
  options: RunOptions,
): Promise<number> {
  const { keeping = NO_KEEPER, problems = [] } = options
  // Before the first packet thread, which has a filter of its own; who is kept has done it.
  if (!keeping.kept) ifConfined(confineProcess, text => problems.push(text))
  for (const text of problems) log.warn(`TAPVS: ${text}`)
  const { config: read } = begin
  // Asked first, because a second daemon would fail at the TAPs with words that help nobody.
  await claimSocket(read.control.socket)
  const others = withDevice(read.arms).filter(device => !keeping.has(heldName(device)))
  if (!options.force) await untilFree(others)
  const config = { ...read, arms: withDevices(read.arms) }
  const warn = warnOf(log)
  const made = await setUp({ ...begin, config }, options.head, keeping, warn)
  const keep = new Keep(begin.kept, keeping, { model: made.model, warn })
  const { health } = begin
  const parts = { ...assemble(made, configPath, log, options), keep, health, made }
  const { model } = parts.daemon
  for (const reader of parts.readers) reader.start()
  parts.daemon.records.start()
  parts.shortage.start()
  follow(parts)
  const rates = setInterval(() => model.sampleRates(performance.now()), SAMPLE_MS)
  const opened: Opened = {}
  try {
    const code = await untilEnd(parts, opened, options)
    // Who stands by is not to go on.
    if (options.life && !opened.leave) resign(options.life)
    return code
  } finally {
    clearInterval(rates)
    parts.shortage.stop()
    await close({ ...parts, ...parts.daemon, life: options.life }, opened)
  }
}

const warnOf = (log: Log) => (text: string) => log.of('arm').warn(`TAPVS: ${text}`)

/** What a daemon is made of; the packet threads begin to start, if they have not. */
function assemble(made: SetUpModel, configPath: string, log: Log, options: RunOptions) {
  const { model, memories, head } = made
  const { config } = model
  const { traces, traceRecords, flights } = memories
  const warn = warnOf(log)
  const records = new Records(config, log, memories.sessions)
  const arms = [...config.arms.map(arm => arm.name), CHECK_ARM]
  const watching = new Watching(flights, arms, config.capture)
  const { force, program, openQueues, keeping, lives } = options
  const events = new Events()
  const mishaps = new Mishaps({ log, events, flights, arms, dumps: () => dumps })
  const { news: onNews, fault: onFault } = mishaps
  const workers = new Workers(config, model.initial, memories, {
    ...{ warn, onNews, onFault, force, program, openQueues, keeping, lives, head },
  })
  const silent = new SilentNeighbours(arms, () => workers.neighbours(), log.of('neigh'))
  const readers = traces.map(
    (trace, index) =>
      new TraceReader(new TraceRing(trace, traceRecords), traceRecords, {
        names: { worker: workerId(index), arms },
        log,
        lost: () => model.readings.traceLost(index),
        judges: [
          silent,
          new FlappingNeighbours(arms, at => events.emit('neighbour', at)),
          new SynProxyTurns(workerId(index), turn => events.emit('syn_proxy', turn)),
        ],
      }),
  )
  const signals = options.signals ?? new Signals()
  const tell = keeping?.kept ? (text: string) => keeping.notify(text) : undefined
  const notifier = new Notifier(process.env, warn, tell)
  const headOf = captureHead(() => model.config.arms)
  const counts = () => ({ ...model.readings.drops(), ...model.readings.events() })
  const shortage = new Shortage(counts, log.of('conn'))
  const dumps = new Dumps({ watching, headOf, counts, log }, config.capture.dump)
  const daemon = {
    ...{ configPath, model, workers, log, records, notifier, signals, events, watching },
    faults: mishaps.faults,
    keeping: keeping ?? NO_KEEPER,
    pageUrl: null as string | null,
  }
  const told = { silent, headOf, dumps, shortage, mishaps }
  return { daemon, flights, readers, ...told }
}

type Parts = ReturnType<typeof assemble> & {
  keep: Keep
  health: KeptHealth
  made: SetUpModel
}

/** What is told when something changes. */
function follow({ daemon, silent, dumps, keep, health }: Parts): void {
  const { model, workers, watching, events } = daemon
  watching.onWanted = () => workers.wake()
  workers.arms.onDevice = (arm, device) => {
    model.found(arm, device)
    keep.write()
  }
  workers.arms.onChange = (arm, state) => events.emit('arm', { arm, ...state })
  health.onWritten = () => keep.renew()
  keep.write()
  model.onChange(({ steps, warnings }) => {
    // Before whoever asked for it hears that it is done.
    keep.write()
    watching.capture = model.config.capture
    dumps.config = model.config.capture.dump
    silent.clear()
    events.emit('config', { steps, warnings })
  })
}

async function untilEnd(parts: Parts, opened: Opened, options: RunOptions): Promise<number> {
  const { daemon } = parts
  const { model, workers, log, notifier, signals, events, keeping } = daemon
  const { leave } = keeping
  const first = await Promise.race([workers.ready, signals.stop, leave])
  if (first === 'hush' || first === 'gone') return letGo(first, daemon, opened)
  if (first === 'stop') {
    log.info(stopText(signals.by ?? '', [], 0), 'stopping')
    return 0
  }
  if (parts.made.late.length > 0) await workers.change(parts.made.late)
  const took = tookText(first)
  if (took) log.info(took, 'took_over')
  const isFirst = options.head !== undefined
  for (const [index, times] of workers.times.entries()) {
    const say = () => ({ text: times ? startText(workerId(index), times, isFirst) : '' })
    if (times) log.record('debug', 'daemon', undefined, say)
  }
  workers.setDebug(log.levels.tracing)
  model.sampleRates(performance.now())
  await open(parts, opened, options.ui)
  keeping.ready()
  notifier.ready(statusText(model.config))
  model.onChange(() => notifier.status(statusText(model.config)))
  notifier.watch(() => workers.alive())
  const end = await Promise.race([workers.ended, signals.stop, leave])
  if (end === 'hush' || end === 'gone') return letGo(end, daemon, opened)
  if (end !== 'stop') throw new Error(`a packet thread ended: ${end}`)
  // What would fail from now on says nothing of the real servers.
  opened.checks?.stop()
  events.stop()
  const { drain } = model.config.control
  const text = stopText(signals.by ?? '', services(model), drain, keeping.stored)
  log.info(text, 'stopping', { signal: signals.by })
  await letEnd(daemon)
  return 0
}

async function open(
  { daemon, flights, headOf, mishaps, health }: Parts,
  opened: Opened,
  uiOption: UiOption | undefined,
): Promise<void> {
  const { model, workers, log, signals, events, watching } = daemon
  const { config } = model
  const { socket, http } = config.control
  const page = pageConfig(config.control.ui, uiOption)
  const ui = page ? new Ui(page, { model, workers, watching }) : undefined
  if (ui) opened.ui = ui
  const journals = new Journals(workers, flights, watching, () => model.config)
  mishaps.journals = journals
  const server = await openServer(socket, request => respond(request, daemon), {
    events,
    watching,
    journals,
    headOf,
    http,
    ui: ui?.listener ?? null,
  })
  opened.server = server
  signals.onReload(() => void reloadBySignal(daemon))
  signals.onReopen(() => reopenLogs(daemon))
  log.info(readyText(config), 'ready')
  if (ui && server.uiPort !== undefined) daemon.pageUrl = ui.announce(server.uiPort, log)
  opened.checks = new Checks(daemon, log.of('check'), health)
}
