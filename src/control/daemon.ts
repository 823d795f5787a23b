/**
 * The daemon: config -> log -> workers -> control socket, and the same backwards at the end. This thread never
 * touches a packet; it may block on a slow log without anybody noticing but its own clients.
 */

import { TraceRing } from '../engine/trace.ts'
import { workerId } from './apply.ts'
import type { Answer, CountersInfo, LogLevel, Request } from './commands.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { type Log, openLog, TraceReader } from './log.ts'
import { Notifier } from './notify.ts'
import { type ControlServer, claimSocket, openServer } from './server.ts'
import { drained, Signals } from './stop.ts'
import { version } from './version.ts'
import { Workers } from './workers.ts'

/** A debug burst of some 80 ms at the full rate of packets. */
const TRACE_RECORDS = 16_384

/** What the end takes after the connections have ended, in seconds, at most. */
const STOP_SECONDS = 10

/** Runs until SIGTERM or SIGINT, and for control.drain seconds more if connections are left. => exit code: 0 stopped, 1 failed, 2 a wrong config */
export async function runDaemon(configPath: string): Promise<number> {
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
    return await serve(config, log)
  } catch (error) {
    log.error(`TAPVS: ${(error as Error).message}`)
    return 1
  } finally {
    await log.flush()
  }
}

async function serve(config: Config, log: Log): Promise<number> {
  // Asked first, because a second daemon would fail at the TAPs with words that help nobody.
  await claimSocket(config.control.socket)

  const traces = Array.from(
    { length: config.workers.count },
    () => new SharedArrayBuffer(TraceRing.bytesFor(TRACE_RECORDS)),
  )
  const workers = new Workers(config, traces, TRACE_RECORDS, text => log.warn(`TAPVS: ${text}`))
  const arms = config.arms.map(arm => arm.name)
  const readers = traces.map((trace, index) => {
    const ring = new TraceRing(trace, TRACE_RECORDS)
    const names = { worker: workerId(index), arms }
    return new TraceReader(ring, TRACE_RECORDS, names, log, () => lostRecords(workers, index))
  })
  for (const reader of readers) reader.start()

  const signals = new Signals()
  const notifier = new Notifier(process.env, text => log.warn(`TAPVS: ${text}`))
  let server: ControlServer | undefined
  try {
    const first = await Promise.race([workers.ready, signals.stop])
    if (first === 'stop') return 0
    setLevel(workers, log, log.level)
    server = await openServer(config.control.socket, request =>
      respond(request, config, workers, log),
    )
    signals.onReload(() => void reload(notifier, log, config))
    log.info(readyText(config))
    notifier.ready(statusText(config))
    notifier.watch(() => workers.alive())
    const end = await Promise.race([workers.ended, signals.stop])
    if (end !== 'stop') throw new Error(`a packet thread ended: ${end}`)
    await letEnd(config, workers, log, notifier, signals)
    return 0
  } finally {
    notifier.end()
    await workers.stop()
    await server?.close()
    for (const reader of readers) reader.stop()
  }
}

/** The time between the signal and the end, in which connections may end by themselves. */
async function letEnd(
  config: Config,
  workers: Workers,
  log: Log,
  notifier: Notifier,
  signals: Signals,
): Promise<void> {
  const seconds = config.control.drain
  notifier.stopping('stopping', seconds + STOP_SECONDS)
  if (seconds === 0) return
  workers.drain()
  const draining = drained({
    seconds,
    left: () => connsLeft(workers),
    hurry: signals.hurry,
    log: text => log.info(`TAPVS: ${text}`),
    status: text => notifier.status(text),
  })
  const gone = await Promise.race([workers.ended, draining.then(() => 'drained')])
  if (gone !== 'drained') throw new Error(`a packet thread ended: ${gone}`)
}

async function connsLeft(workers: Workers): Promise<number> {
  const answer = await workers.request({ verb: 'counters' })
  if ('error' in answer) throw new Error(answer.error)
  return (answer.ok as CountersInfo).conns.used
}

/** SIGHUP: the config file again. */
async function reload(notifier: Notifier, log: Log, config: Config): Promise<void> {
  notifier.reloading()
  log.warn('TAPVS: SIGHUP: reload is not available; the config is what it was at the start')
  notifier.ready(statusText(config))
}

async function respond(
  request: Request,
  config: Config,
  workers: Workers,
  log: Log,
): Promise<Answer> {
  switch (request.verb) {
    case 'ping':
      return { ok: { version, pid: process.pid, workers: config.workers.count } }
    case 'log':
      if (request.level !== undefined) setLevel(workers, log, request.level)
      return { ok: { level: log.level } }
    default:
      return workers.request(request)
  }
}

function setLevel(workers: Workers, log: Log, level: LogLevel): void {
  log.setLevel(level)
  workers.setDebug(level === 'debug')
}

async function lostRecords(workers: Workers, index: number): Promise<number> {
  const answer = await workers.ask(index, { verb: 'counters' })
  if ('error' in answer) throw new Error(answer.error)
  const { events } = answer.ok as { events: Record<string, number> }
  return events.trace_lost ?? 0
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
  const threads = count === 1 ? '1 worker' : `${count} workers`
  return `TAPVS: ready, ${threads}, arms ${arms.join(', ')}; services ${services.join(', ') || 'none'}; socket ${config.control.socket}`
}
