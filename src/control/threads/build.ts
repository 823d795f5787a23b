/** The engine of a whole config, for whoever has no daemon around it. */

import { compare } from '../../config/changes.ts'
import type { ConfigValues } from '../../config/config.ts'
import { PlaceList } from '../../config/places.ts'
import { LIPS_MAX } from '../../engine/conn-layout.ts'
import type { Engine } from '../../engine/engine.ts'
import { applyChange, buildBare, type Surroundings } from './apply.ts'
import { DEST_PLACES } from './memory.ts'

/** Throws RangeError for what the checks of the config let through. */
export function buildEngine(config: ConfigValues, around: Surroundings): Engine {
  const built = buildBare(config, around)
  const quiet = () => true
  const places = {
    dests: new PlaceList(DEST_PLACES, quiet),
    lips: new PlaceList(LIPS_MAX, quiet),
  }
  for (const change of compare(null, config).changes(places)) applyChange(built, change, around.now)
  return built.engine
}
