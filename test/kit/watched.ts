/** A stand whose flight recorder control watches, and the API of that. */

import type { TestContext } from 'node:test'
import type { Respond } from '../../src/control/http/server.ts'
import { captureHead } from '../../src/control/recorder/capture-head.ts'
import { Watching } from '../../src/control/recorder/watching.ts'
import { newFlight } from '../../src/control/threads/memory.ts'
import { type Served, serve } from './api.ts'
import { SEED_CONFIG, Stand } from './stand.ts'

export interface Watched extends Served {
  stand: Stand
  watching: Watching
}

export async function watched(
  t: TestContext,
  yaml = SEED_CONFIG,
  respond?: Respond,
): Promise<Watched> {
  const stand = new Stand(`${yaml}\ncapture: { ring: true, size: 64M }`).resolveRss()
  const { arms, capture } = stand.config
  const flight = newFlight(capture)
  const watching = new Watching(
    [flight],
    arms.map(({ name }) => name),
    capture,
  )
  t.after(() => watching.stop())
  stand.record(1, 1, flight)
  const served = await serve(t, respond, { watching, headOf: captureHead(() => arms) })
  return { ...served, stand, watching }
}

/** What the recorder has got is there for readers. */
export function shown(stand: Stand): void {
  stand.moments()
}
