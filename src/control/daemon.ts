/**
 * The daemon: config -> log -> packet thread -> control socket, and the same backwards at the end. This thread never
 * touches a packet; it may block on a slow log without anybody noticing but its own clients.
 */

import { TraceRing } from '../engine/trace.ts'
import type { Answer, LogLevel, Request } from './commands.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { type Log, openLog, TraceReader } from './log.ts'
import { PacketThread } from './packet-thread.ts'
import { type ControlServer, claimSocket, openServer } from './server.ts'
import { version } from './version.ts'

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

  const trace = new SharedArrayBuffer(TraceRing.bytesFor(TRACE_RECORDS))
  const packets = new PacketThread(config, trace, TRACE_RECORDS, text => log.warn(`TAPVS: ${text}`))
  const reader = new TraceReader(
    new TraceRing(trace, TRACE_RECORDS),
    TRACE_RECORDS,
    { worker: config.worker.id, arms: config.arms.map(arm => arm.name) },
    log,
    () => lostRecords(packets),
  )
  reader.start()

  const stopAsked = new Promise<'stop'>(done => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => done('stop'))
  })
  let server: ControlServer | undefined
  try {
    const first = await Promise.race([packets.ready, stopAsked])
    if (first === 'stop') return 0
    setLevel(packets, log, log.level)
    server = await openServer(config.control.socket, request =>
      respond(request, config, packets, log),
    )
    log.info(readyText(config))
    const end = await Promise.race([packets.ended, stopAsked])
    if (end === 'stop') return 0
    throw new Error(`the packet thread ended: ${end}`)
  } finally {
    await packets.stop()
    await server?.close()
    reader.stop()
  }
}

async function respond(
  request: Request,
  config: Config,
  packets: PacketThread,
  log: Log,
): Promise<Answer> {
  switch (request.verb) {
    case 'ping':
      return { ok: { version, pid: process.pid, worker: config.worker.id } }
    case 'log':
      if (request.level !== undefined) setLevel(packets, log, request.level)
      return { ok: { level: log.level } }
    default:
      return packets.request(request)
  }
}

function setLevel(packets: PacketThread, log: Log, level: LogLevel): void {
  log.setLevel(level)
  packets.setDebug(level === 'debug')
}

async function lostRecords(packets: PacketThread): Promise<number> {
  const answer = await packets.request({ verb: 'counters' })
  if ('error' in answer) throw new Error(answer.error)
  const { events } = answer.ok as { events: Record<string, number> }
  return events.trace_lost ?? 0
}

function readyText(config: Config): string {
  const arms = config.arms.map(({ name, netns }) => (netns ? `${name} (${netns})` : name))
  const services = config.services.map(
    ({ address, port, scheduler }) => `TCP ${address}:${port} ${scheduler}`,
  )
  return `TAPVS: ready, arms ${arms.join(', ')}; services ${services.join(', ') || 'none'}; socket ${config.control.socket}`
}
