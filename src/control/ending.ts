/** The ends of the daemon: asked to stop, and stopped with what it has, or letting go of packets and state because another daemon is to follow at once. */

import { handOver, type Life, resign } from '../io/life.ts'
import type { Checks } from './checks/host.ts'
import type { ControlServer } from './http/server.ts'
import type { Keeping, Leave } from './keeper/keeping.ts'
import type { Log } from './log/log.ts'
import type { Model } from './model/model.ts'
import type { Dumps } from './recorder/dumps.ts'
import type { Watching } from './recorder/watching.ts'
import type { Records } from './records.ts'
import type { Notifier } from './system/notify.ts'
import { drained, type Signals } from './system/stop.ts'
import type { Workers } from './threads/workers.ts'
import type { Ui } from './ui/ui.ts'

/** What the end takes after the connections have ended, in seconds, at most. */
const STOP_SECONDS = 10

/** What is there once the packet threads have started. */
export interface Opened {
  server?: ControlServer
  checks?: Checks
  ui?: Ui
  /** Why it lets go, if it does. */
  leave?: Leave
}

export interface Ending {
  workers: Workers
  log: Log
  notifier: Notifier
  watching: Watching
  records: Records
  keeping: Keeping
  /** Left out without a keeper. */
  life?: Life | undefined
  /** Of what is kept for a next daemon. */
  keep: { stop(): void }
  silent: { stop(): void }
  dumps: Dumps
  /** Of the traces. */
  readers: readonly { stop(): void }[]
}

/** What has to do with connections that may end by themselves. */
interface Stopping extends Pick<Ending, 'workers' | 'log' | 'notifier' | 'keeping'> {
  model: Model
  signals: Signals
}

/** The time between the signal and the end, in which connections may end by themselves. */
export async function letEnd({
  model,
  workers,
  log,
  notifier,
  signals,
  keeping,
}: Stopping): Promise<void> {
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
  const gone = await Promise.race([workers.ended, drain(), keeping.leave])
  // Nobody waits for a daemon whose keeper has ended.
  if (gone !== 'drained' && gone !== 'gone' && gone !== 'hush')
    throw new Error(`a packet thread ended: ${gone}`)
}

/** => the exit code */
export function letGo(why: Leave, { log }: Pick<Ending, 'log'>, opened: Opened): number {
  opened.leave = why
  if (why === 'hush') log.info('TAPVS: another program takes over', 'handing_over')
  else log.warn('TAPVS: the keeper has ended, and the daemon ends with it')
  return 0
}

/** What reads packets ends first if another daemon waits for that, or may come; what has been told is written out after it. */
export async function close(
  { silent, notifier, watching, dumps, workers, keeping, life, keep, readers, records }: Ending,
  { server, checks, ui, leave }: Opened,
): Promise<void> {
  keep.stop()
  silent.stop()
  notifier.end()
  watching.stop()
  checks?.stop()
  if (leave) {
    // Its socket is the next one's to make.
    await server?.close()
    // Who stands by goes on when the last thread has ended, and only if somebody is there to make it the daemon.
    if (life && leave === 'hush') handOver(life)
    else if (life) resign(life)
    await workers.stop(leave === 'hush' || keeping.stored)
    keeping.quiet()
  }
  await dumps.stop()
  ui?.stop()
  if (!leave) {
    await workers.stop()
    await server?.close()
  }
  for (const reader of readers) reader.stop()
  await records.stop()
}
