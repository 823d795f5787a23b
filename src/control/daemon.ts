/**
 * The daemon: config -> log -> workers -> control socket, and the same backwards at the end. This thread never
 * touches a packet; it may block on a slow log without anybody noticing but its own clients.
 */

import { TraceRing } from '../engine/trace.ts'
import { workerId } from './apply.ts'
import type { Answer, LogLevel, Request } from './commands.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { type Log, openLog } from './log.ts'
import type { Module, ModuleLevels } from './log-levels.ts'
import { type ControlServer, claimSocket, openServer } from './server.ts'
import { SessionLog } from './session-log.ts'
import { newSessionRing } from './session-ring.ts'
import { TraceReader } from './trace-reader.ts'
import { version } from './version.ts'
import { Workers } from './workers.ts'

/** A debug burst of some 80 ms at the full rate of packets. */
const TRACE_RECORDS = 16_384

/** Runs until SIGTERM or SIGINT. => exit code: 0 stopped, 1 failed, 2 a wrong config */
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
  const sessions = openSessions(config, log)
  const workers = new Workers(
    config,
    traces,
    TRACE_RECORDS,
    text => log.of('arm').warn(`TAPVS: ${text}`),
    sessions?.memories,
  )
  const arms = config.arms.map(arm => arm.name)
  const readers = traces.map((trace, index) => {
    const ring = new TraceRing(trace, TRACE_RECORDS)
    const names = { worker: workerId(index), arms }
    return new TraceReader(ring, TRACE_RECORDS, names, log, () => lostRecords(workers, index))
  })
  for (const reader of readers) reader.start()
  sessions?.reader.start()

  const stopAsked = new Promise<'stop'>(done => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => done('stop'))
  })
  let server: ControlServer | undefined
  try {
    const first = await Promise.race([workers.ready, stopAsked])
    if (first === 'stop') return 0
    workers.setDebug(log.levels.tracing)
    server = await openServer(config.control.socket, request =>
      respond(request, config, workers, log, sessions?.reader),
    )
    log.info(readyText(config), 'ready')
    const end = await Promise.race([workers.ended, stopAsked])
    if (end === 'stop') return 0
    throw new Error(`a packet thread ended: ${end}`)
  } finally {
    await workers.stop()
    await server?.close()
    for (const reader of readers) reader.stop()
    sessions?.reader.stop()
  }
}

async function respond(
  request: Request,
  config: Config,
  workers: Workers,
  log: Log,
  sessions: SessionLog | undefined,
): Promise<Answer> {
  switch (request.verb) {
    case 'ping':
      return { ok: { version, pid: process.pid, workers: config.workers.count } }
    case 'log':
      if (request.level !== undefined) setLevel(workers, log, request.level, request.module)
      if (request.reopen) {
        log.reopen()
        sessions?.reopen()
      }
      return { ok: levelsOf(log) }
    default:
      return workers.request(request)
  }
}

/** The session log and the rings that it reads, if the config wants it. */
function openSessions(
  { log: { sessions }, workers }: Config,
  log: Log,
): { memories: SharedArrayBuffer[]; reader: SessionLog } | undefined {
  if (sessions === null) return undefined
  const memories = Array.from({ length: workers.count }, newSessionRing)
  return { memories, reader: new SessionLog(memories, sessions, log) }
}

function setLevel(workers: Workers, log: Log, level: LogLevel, module?: Module): void {
  log.setLevel(level, module)
  workers.setDebug(log.levels.tracing)
}

function levelsOf({ levels }: Log): { level: LogLevel; modules?: ModuleLevels } {
  const { base, own } = levels
  return Object.keys(own).length === 0 ? { level: base } : { level: base, modules: own }
}

async function lostRecords(workers: Workers, index: number): Promise<number> {
  const answer = await workers.ask(index, { verb: 'counters' })
  if ('error' in answer) throw new Error(answer.error)
  const { events } = answer.ok as { events: Record<string, number> }
  return events.trace_lost ?? 0
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
