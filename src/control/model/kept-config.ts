/**
 * The config that runs, with the edits of the command line and the API, and the places of its RSs and LIPs, in memory that outlives
 * the daemon (keeper/kept-json.ts): connections hold places, so the next daemon has to give out the same.
 */

import { type Config, configOf } from '../../config/config.ts'
import type { Places, SavedPlaces } from '../../config/places.ts'
import { fileLists } from '../../config/prefix-lists.ts'
import { CONFIG, type Keeping } from '../keeper/keeping.ts'
import { KeptJson, openKeptJson } from '../keeper/kept-json.ts'
import { CONFIG_LAYOUT } from '../system/layouts.ts'

/** What an earlier daemon ran. */
export interface Ran {
  config: Config
  /** As they were kept: PlaceList.restore() checks them. */
  places: { dests?: SavedPlaces; lips?: SavedPlaces }
}

export class KeptConfig {
  readonly #json: KeptJson
  readonly #lost: string

  /** `lost`: why the memory is not that of an earlier daemon, although there was one. */
  constructor(memory: ArrayBuffer, lost = '') {
    this.#json = new KeptJson(memory)
    this.#lost = lost
  }

  /** Of what was written last: another one whenever something was written. */
  get generation(): number {
    return this.#json.sequence
  }

  /** => what was written last, undefined if nothing was. Throws ConfigError, or an Error in one line, if it cannot be used. */
  read(): Ran | undefined {
    const kept = this.#json.read()
    if (kept === undefined && this.#lost !== '') throw new Error(this.#lost)
    if (kept === undefined) return undefined
    const { layout, file, lists, places } = Object(kept)
    if (layout !== CONFIG_LAYOUT)
      throw new Error(`it is of another layout (${Number(layout)}, this is ${CONFIG_LAYOUT})`)
    return { config: configOf(file, Object(lists)), places: Object(places) }
  }

  /** => false, and what was written last goes on to count, if it has no room */
  write({ file, lists }: Config, { dests, lips }: Places): boolean {
    const places = { dests: dests.save(), lips: lips.save() }
    return this.#json.write({ layout: CONFIG_LAYOUT, file, lists: fileLists(lists), places })
  }
}

/** Of an earlier daemon, or a new one; without a keeper none. Throws NativeError. */
export function openKeptConfig(keeping: Keeping): KeptConfig | null {
  if (!keeping.kept) return null
  const { memory, lost } = openKeptJson(keeping, CONFIG)
  return new KeptConfig(memory, lost)
}
