/** A whole journal, played again: the workers' engines side by side, their records in the order of time. */

import type { Config } from '../../config/config.ts'
import { FlightKind, HeadCell } from '../../engine/flight-records.ts'
import { damaged, withJournal } from '../journal/damaged.ts'
import type { Journal } from '../journal/format.ts'
import { ranIn } from '../journal/ran.ts'
import { byTime, cell, usOf } from '../journal/records.ts'
import { arenaBytes, newTemplates, type Tables, tablesOf } from '../threads/memory.ts'
import { type Difference, Player } from './player.ts'

export interface Replayed {
  config: Config
  players: Player[]
  tables: Tables[]
  /** Frames that were judged. */
  frames: number
  /** Comparisons of all counters. */
  checks: number
  /** The first one; nothing was played behind it. */
  difference: Difference | undefined
  /** µs since 1970 of the first and of the last record that was played; 0 without any. */
  fromUs: number
  toUs: number
}

/** Stops before the first record for which `until` says so; `frame` is the number of the last frame that was judged. */
export type Until = (us: number, frame: number, first: number) => boolean

/** Throws Error, in a line, if the journal cannot be played. */
export function replay(journal: Journal, until: Until = () => false): Replayed {
  return withJournal(() => played(journal, until))
}

function played(journal: Journal, until: Until): Replayed {
  const { header, images } = journal
  const config = ranIn(journal)
  if (config.workers.count !== images.length)
    throw damaged(`it has ${images.length} images of ${config.workers.count} workers`)
  const arena = new SharedArrayBuffer(arenaBytes(config))
  const templateMemory = newTemplates()
  const tables = tablesOf(config, images.length)
  const players = images.map((image, worker) => {
    const memory = { arena, tables: tables[worker] as Tables, templateMemory }
    return new Player(header, config, worker, image, memory)
  })
  const result: Replayed = {
    config,
    players,
    tables,
    frames: 0,
    checks: 0,
    difference: undefined,
    fromUs: 0,
    toUs: 0,
  }
  for (const { worker, record } of byTime(journal.records)) {
    const us = usOf(record)
    if (result.fromUs === 0) result.fromUs = us
    if (until(us, result.frames, result.fromUs)) break
    result.toUs = us
    if (cell(record, HeadCell.KIND) === FlightKind.JUDGED) result.frames++
    result.difference = players[worker]?.play(record, result.frames)
    if (result.difference) break
  }
  result.checks = players.reduce((sum, player) => sum + player.checks, 0)
  return result
}
