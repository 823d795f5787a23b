/** A keeper without a process: what one daemon has it hold, the next one takes. */

import { type Held, type Keeping, NO_KEEPER } from '../../src/control/keeper/keeping.ts'

export class PaperKeeper implements Keeping {
  readonly kept = true
  readonly stored = false
  readonly afresh = false
  readonly leave = NO_KEEPER.leave
  readonly ask = NO_KEEPER.ask
  readonly held = new Map<string, Held>()
  has = (name: string) => this.held.has(name)
  look = (name: string) => this.held.get(name)
  take = (name: string) => {
    const held = this.held.get(name)
    this.held.delete(name)
    return held
  }
  hold = (name: string, held: Held) => void this.held.set(name, held)
  drop = (name: string) => void this.held.delete(name)
  ready = () => {}
  quiet = () => {}
  notify = () => {}
}
