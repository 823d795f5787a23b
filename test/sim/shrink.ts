/**
 * A world that does not hold, made smaller: whatever can be left out while the same rule is broken is left out. First what happens and
 * who speaks, then kinds of faults, then single faults, then words. What a frame meets is said by its own number (network.ts), so
 * what stays goes on as it did.
 */

import { Broken } from './broken.ts'
import type { Ask, AskerPlan, Mixed } from './mixed-plan.ts'
import type { Faults, Plan, Talk } from './plan.ts'
import { World } from './world.ts'

export interface Shrunk {
  plan: Plan
  /** The faults that are left, by key; undefined for all of the plan's. */
  only: Set<number> | undefined
  broken: Broken
  runs: number
}

/** Sabotages a world before it runs, for tests. */
export type Spoil = (world: World) => void

/** What breaks in the world of a plan, or undefined. */
export function breaks(plan: Plan, only?: ReadonlySet<number>, spoil?: Spoil): Broken | undefined {
  const world = new World(plan, only)
  spoil?.(world)
  try {
    world.run()
  } catch (error) {
    // An engine that throws breaks a rule, too.
    return error instanceof Broken ? error : new Broken('throws', String((error as Error).stack), 0)
  }
  return undefined
}

/** ms of the processor's time that shrinking takes at most: what else runs does not matter. */
const PATIENCE = 20_000

function spent(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

export class Shrinker {
  readonly #end = spent() + PATIENCE
  readonly #spoil: Spoil | undefined
  readonly #most: number
  #best: Shrunk

  /** `most`: worlds that are tried. */
  constructor(plan: Plan, broken: Broken, most = 400, spoil?: Spoil) {
    this.#best = { plan, only: undefined, broken, runs: 0 }
    this.#most = most
    this.#spoil = spoil
  }

  shrink(): Shrunk {
    this.#plain()
    this.#happenings()
    this.#actors()
    this.#mixed()
    this.#kinds()
    this.#faults()
    this.#talks()
    return this.#best
  }

  get #isOver(): boolean {
    return this.#best.runs >= this.#most || spent() > this.#end
  }

  /** => whether the world is as broken as before; then it is the best so far */
  #try(change: Partial<Plan>, only = this.#best.only): boolean {
    if (this.#isOver) return false
    this.#best.runs++
    const plan = { ...this.#best.plan, ...change }
    const broken = breaks(plan, only, this.#spoil)
    if (broken?.rule !== this.#best.broken.rule) return false
    this.#best = { plan, only, broken, runs: this.#best.runs }
    return true
  }

  /** What a transcript can say. */
  #plain(): void {
    this.#try({ workers: 1, lportBits: 0, clock: 1_000_000, fixed: true })
    this.#try({ workers: 1 })
    this.#try({ lportBits: 0 })
    this.#try({ clock: 1_000_000 })
    this.#try({ fixed: true })
    this.#try({ toa: 'off' })
  }

  #happenings(): void {
    for (let i = this.#best.plan.happenings.length - 1; i >= 0; i--) {
      this.#try({ happenings: this.#best.plan.happenings.toSpliced(i, 1) })
    }
  }

  /** One that says nothing keeps its place, so that the others keep their numbers. */
  #actors(): void {
    const { actors } = this.#best.plan
    const silent = (from: number, to: number) =>
      this.#best.plan.actors.map((actor, i) =>
        i < from || i >= to ? actor : { ...actor, talks: [] },
      )
    for (let step = actors.length >> 1 || 1; step >= 1; step >>= 1) {
      for (let from = 0; from < actors.length; from += step) {
        const some = this.#best.plan.actors.slice(from, from + step)
        if (some.some(({ talks }) => talks.length > 0)) {
          this.#try({ actors: silent(from, from + step) })
        }
      }
    }
    for (const at of actors.keys()) {
      while (this.#change(at, talks => talks.slice(0, -1)));
    }
  }

  /** What there is beside TCP; who asks nothing keeps its place, too. */
  #mixed(): void {
    const { mixed } = this.#best.plan
    if (mixed === undefined) return
    const plain = { mtu: 1500, hops: 0, grumble: 0, old: false }
    const less = (change: Partial<Mixed>) =>
      this.#try({ mixed: { ...(this.#best.plan.mixed as Mixed), ...change } })
    less({ uoa: 'off' })
    less({ xmitTtl: false })
    less({ links: [plain, this.#best.plan.mixed?.links[1] ?? plain] })
    less({ links: [this.#best.plan.mixed?.links[0] ?? plain, plain] })
    for (const list of ['forged', 'pings'] as const) {
      if (less({ [list]: [] })) continue
      for (let i = mixed[list].length - 1; i >= 0; i--) {
        less({ [list]: (this.#best.plan.mixed as Mixed)[list].toSpliced(i, 1) })
      }
    }
    for (const at of mixed.askers.keys()) {
      const asking = (cut: (asks: Ask[]) => Ask[]) => {
        const { askers } = this.#best.plan.mixed as Mixed
        const asker = askers[at] as AskerPlan
        if (asker.asks.length === 0) return false
        return less({ askers: askers.with(at, { ...asker, asks: cut(asker.asks) }) })
      }
      if (!asking(() => [])) while (asking(asks => asks.slice(0, -1)));
    }
  }

  /** Changes what one actor says. */
  #change(at: number, how: (talks: Talk[]) => Talk[]): boolean {
    const actor = this.#best.plan.actors[at]
    if (actor === undefined || actor.talks.length === 0) return false
    return this.#try({
      actors: this.#best.plan.actors.with(at, { ...actor, talks: how(actor.talks) }),
    })
  }

  #kinds(): void {
    for (const arm of [0, 1] as const) {
      for (const kind of ['spoilt', 'double', 'late', 'loss', 'jitter'] as const) {
        const faults = this.#best.plan.faults.slice() as [Faults, Faults]
        if (faults[arm][kind] === 0) continue
        faults[arm] = { ...faults[arm], [kind]: 0 }
        this.#try({ faults })
      }
    }
  }

  /** Delta debugging: halves, then smaller parts. */
  #faults(): void {
    const world = new World(this.#best.plan, this.#best.only)
    this.#spoil?.(world)
    try {
      world.run()
    } catch {}
    let keys = [...new Set(world.network.happened)]
    for (let parts = 2; keys.length > 0; ) {
      const step = Math.ceil(keys.length / parts)
      let isLess = false
      for (let from = 0; from < keys.length && !isLess; from += step) {
        const rest = keys.toSpliced(from, step)
        isLess = this.#try({}, new Set(rest))
        if (isLess) keys = rest
      }
      if (isLess) parts = Math.max(2, parts - 1)
      else if (step === 1 || this.#isOver) return
      else parts = Math.min(keys.length, parts * 2)
    }
  }

  #talks(): void {
    for (const [at, { talks }] of this.#best.plan.actors.entries()) {
      for (const n of talks.keys()) {
        for (const [i, turn] of (talks[n] as Talk).turns.entries()) {
          // A banner, and who speaks, have their bytes.
          const bytes = Math.min(turn.bytes, 16)
          const less = (talk: Talk) => ({
            ...talk,
            turns: talk.turns.with(i, { ...turn, bytes, pause: 0 }),
          })
          this.#change(at, all => all.with(n, less(all[n] as Talk)))
        }
      }
    }
  }
}
