/** What is kept for a next daemon (model/kept-config.ts, threads/start-image.ts), written anew when it has changed. */

import { comparing } from '../config/changes.ts'
import { inPieces } from '../config/pieces.ts'
import type { Keeping } from './keeper/keeping.ts'
import type { KeptConfig } from './model/kept-config.ts'
import type { Model } from './model/model.ts'
import { bareOf } from './threads/memories.ts'
import { StartImage } from './threads/start-image.ts'

/** From a change until the image is renewed: what comes one after the other is written once. Until then there is none that would be used. */
const IMAGE_MS = 250
/** The same when checks have changed their mind: with old weights it is used, and control makes them good. */
const HEALTH_MS = 2000

export class Keep {
  readonly #kept: KeptConfig | null
  readonly #image: StartImage | null
  readonly #model: Model
  readonly #warn: (text: string) => void
  #timer: NodeJS.Timeout | undefined
  /** When that is. */
  #at = 0

  constructor(
    kept: KeptConfig | null,
    keeping: Keeping,
    { model, warn }: { model: Model; warn(text: string): void },
  ) {
    this.#kept = kept
    this.#image = StartImage.open(keeping)
    this.#model = model
    this.#warn = warn
  }

  /** At once the config, soon what packet threads start with. */
  write(): void {
    const { config, places } = this.#model
    if (this.#kept?.write(config, places) === false)
      this.#warn('the config is too large to be kept: a next daemon would start from the file')
    this.#renewIn(IMAGE_MS)
  }

  /** What is left of weights has changed. */
  renew(): void {
    this.#renewIn(HEALTH_MS)
  }

  #renewIn(ms: number): void {
    const at = performance.now() + ms
    if (this.#image === null || (this.#timer && this.#at <= at)) return
    clearTimeout(this.#timer)
    this.#at = at
    const renew = () =>
      this.#model
        .exclusively(() => this.#writeImage())
        .catch(error => {
          this.#warn(`what a next daemon starts with cannot be kept: ${(error as Error).message}`)
        })
    this.#timer = setTimeout(renew, ms).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  async #writeImage(): Promise<void> {
    this.#timer = undefined
    const { config, places } = this.#model
    // As a next daemon works it out.
    const comparison = await inPieces(comparing(null, config))
    const changes = (await inPieces(comparison.put(places))).map(this.#model.withHealth)
    if (this.#kept) this.#image?.write({ config: bareOf(config), changes }, this.#kept.generation)
  }
}
