/** The end of a daemon that was asked to stop. */

import type { Keeping } from './keeper/keeping.ts'
import type { Log } from './log/log.ts'
import type { Model } from './model/model.ts'
import type { Notifier } from './system/notify.ts'
import { drained, type Signals } from './system/stop.ts'
import type { Workers } from './threads/workers.ts'

/** What the end takes after the connections have ended, in seconds, at most. */
const STOP_SECONDS = 10

interface Ending {
  model: Model
  workers: Workers
  log: Log
  notifier: Notifier
  signals: Signals
  keeping: Pick<Keeping, 'leave'>
}

/** The time between the signal and the end, in which connections may end by themselves. */
export async function letEnd({
  model,
  workers,
  log,
  notifier,
  signals,
  keeping,
}: Ending): Promise<void> {
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
