/** The ends of the daemon: stopped with what it has, or letting go of packets and state because another daemon is to follow at once. */

import { handOver, type Life, resign } from '../io/life.ts'
import type { Checks } from './checks/host.ts'
import type { ControlServer } from './http/server.ts'
import type { Keeping, Leave } from './keeper/keeping.ts'
import type { Log } from './log/log.ts'
import type { Dumps } from './recorder/dumps.ts'
import type { Watching } from './recorder/watching.ts'
import type { Records } from './records.ts'
import type { Notifier } from './system/notify.ts'
import type { Workers } from './threads/workers.ts'
import type { Ui } from './ui/ui.ts'

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
