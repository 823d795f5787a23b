/** What a daemon works out of its config for its packet threads, and those that run already, if they are as it would have them. */

import type { Change } from '../config/changes.ts'
import { type Begin, restorePlaces } from './begin.ts'
import type { Keeping } from './keeper/keeping.ts'
import { Model } from './model/model.ts'
import { Readings } from './readings/readings.ts'
import { endHeadStart, type HeadStart, isAsWanted, lateFor } from './threads/head-start.ts'
import { bareOf, type Memories, newMemories } from './threads/memories.ts'
import { isSame } from './threads/start-image.ts'

export interface SetUpModel {
  model: Model
  memories: Memories
  /** Left out for none. */
  head?: HeadStart
  /** What its threads are still to be told. */
  late: readonly Change[]
}

/** Ends the threads of a head start that are not what would be started now. `warn` is told why. */
export async function setUp(
  begin: Begin,
  head: HeadStart | undefined,
  keeping: Keeping,
  warn: (text: string) => void,
): Promise<SetUpModel> {
  const bare = bareOf(begin.config)
  if (head) {
    if (isSame(head.config, bare)) {
      const { memories } = head
      const model = modelOf(begin, memories, warn)
      const wanted = { config: bare, changes: model.initial, generation: begin.kept?.generation }
      if (isAsWanted(head, wanted, keeping))
        return { model, memories, head, late: lateFor(head, model.initial) }
    }
    warn('packet threads were started for another config, or other arms; others take their place')
    await endHeadStart(head)
  }
  const memories = newMemories(bare)
  return { model: modelOf(begin, memories, warn), memories, late: [] }
}

function modelOf(
  { config, ran, health }: Begin,
  { tables, lists }: Memories,
  warn: (text: string) => void,
): Model {
  const readings = new Readings(config, tables, lists)
  const places = readings.places()
  const unplaced = restorePlaces(places, ran)
  if (unplaced) warn(unplaced)
  return new Model(config, readings, places, health.told())
}
