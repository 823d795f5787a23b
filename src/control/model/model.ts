/**
 * The one truth: the config that runs. The file, the command line and the API all ask for another one, and what follows
 * from the difference is carried out by every worker, one change after the other, while packets pass. A config with a
 * mistake, or one that only a restart can bring, changes nothing.
 */

import type { PlanInfo, TrafficInfo } from '../../api/commands.ts'
import type { Edit } from '../../api/edits.ts'
import { Refused } from '../../api/refused.ts'
import { configOfEdited } from '../../config/apart.ts'
import type { ArmDevice } from '../../config/arms.ts'
import { type Change, compare, comparing, rsName, rsNameOf } from '../../config/changes.ts'
import type { Config } from '../../config/config.ts'
import { inPieces, type Pieces } from '../../config/pieces.ts'
import type { Places } from '../../config/places.ts'
import { allServices } from '../../config/snat.ts'
import type { RsHealth, Sources } from '../readings/listings.ts'
import { Rates } from '../readings/rates.ts'
import type { Readings } from '../readings/readings.ts'
import { nicProblem } from '../threads/nic-room.ts'

/** Changes that a worker carries out between two bursts; each takes some microseconds. */
export const CHANGES_AT_ONCE = 16

/** Carries changes out in all workers; rejects if one of them could not. */
export type CarryOut = (changes: readonly Change[], after: Config) => Promise<void>

export class Model implements Sources {
  readonly places: Places
  readonly readings: Readings
  readonly rates = new Rates()
  /** What the workers set up before their first packet. */
  readonly initial: readonly Change[]
  #config: Config
  /** The last change that was asked for; the next one waits for it. */
  #last: Promise<unknown> = Promise.resolve()
  /** What the health checks leave of an RS that they watch, by its name. */
  readonly health = new Map<string, RsHealth>()
  /** Why they keep an RS from new connections, one line, by its name. */
  readonly reasons = new Map<string, string>()
  readonly #listeners = new Set<(plan: PlanInfo) => void>()

  /** `health` is what is left of RSs by checks of before. Throws RangeError for what the checks of the config let through. */
  constructor(
    config: Config,
    readings: Readings,
    places = readings.places(),
    health: Iterable<readonly [string, RsHealth]> = [],
  ) {
    this.readings = readings
    this.places = places
    this.#config = config
    for (const [name, one] of health) this.health.set(name, one)
    this.initial = compare(null, config).changes(this.places).map(this.withHealth)
  }

  get config(): Config {
    return this.#config
  }

  /** The device of the arm of that index is another one than before. */
  found(index: number, device: ArmDevice): void {
    const arms = this.#config.arms.map((arm, i) => (i === index ? { ...arm, ...device } : arm))
    this.#config = { ...this.#config, arms }
  }

  /** To be called every SAMPLE_MS, at `nowMs`. */
  sampleRates(nowMs: number): void {
    const counted = allServices(this.#config).flatMap(service =>
      service.realServers.map((rs): [string, TrafficInfo] => {
        const name = rsName(service, rs)
        return [name, this.readings.traffic(this.places.dests.find(name))]
      }),
    )
    this.rates.sample(counted, nowMs)
  }

  /** Tells `listener` of each change that was made, until the function that comes back is called. */
  onChange(listener: (plan: PlanInfo) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** All of `edits` or none. Rejects with what is wrong with them. */
  edit(edits: readonly Edit[], dryRun: boolean, carryOut: CarryOut): Promise<PlanInfo> {
    return this.#change(({ file, lists }) => configOfEdited(file, edits, lists), dryRun, carryOut)
  }

  /** Makes it the running config. */
  apply(config: Config, dryRun: boolean, carryOut: CarryOut): Promise<PlanInfo> {
    return this.#change(() => config, dryRun, carryOut)
  }

  /** One change after the other: each is made of what the one before has left. */
  #change(
    next: (before: Config) => Config | Promise<Config>,
    dryRun: boolean,
    carryOut: CarryOut,
  ): Promise<PlanInfo> {
    const change = async () => {
      const before = this.#config
      const after = withDevicesOf(before, await next(before))
      const problem = nicProblem(before, after)
      if (problem !== undefined) throw new Refused('invalid', problem)
      const comparison = await inPieces(comparing(before, after))
      const known = new Set(before.named)
      const plan = {
        steps: comparison.steps,
        restart: comparison.restart,
        warnings: after.warnings,
        new_warnings: after.named.filter(warning => !known.has(warning)),
      }
      if (dryRun || plan.restart.length > 0) return plan
      // Listings go from the config to the places: what either config has keeps its place while it is the one that runs.
      const put = await inPieces(comparison.put(this.places))
      this.#config = after
      await inPieces(this.#forgetNew(before, put))
      const changes = [...put, ...(await inPieces(comparison.remove(this.places)))]
      for (let i = 0; i < changes.length; i += CHANGES_AT_ONCE) {
        const some = changes.slice(i, i + CHANGES_AT_ONCE)
        await carryOut(some.map(this.withHealth), after)
      }
      if (plan.steps.length > 0) for (const listener of this.#listeners) listener(plan)
      return plan
    }
    return this.exclusively(change)
  }

  /** Does `work` when all that was asked for before is done, and before whatever is asked for later. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }

  /** The change with the weight that the health checks leave of the RS's. */
  readonly withHealth = (change: Change): Change => {
    if (change.put !== 'rs') return change
    const { rs } = change
    const health = this.health.get(rsNameOf(rs))
    // A configured weight that was only just raised is told by the watch a moment later.
    return health
      ? { ...change, rs: { ...rs, weight: Math.min(rs.weight, health.weight) } }
      : change
  };

  /** Statistics of an RS that is new begin at 0. */
  *#forgetNew(before: Config, changes: readonly Change[]): Pieces<void> {
    const known = new Set<string>()
    for (const service of allServices(before)) {
      for (const rs of service.realServers) {
        known.add(rsName(service, rs))
        yield
      }
    }
    for (const change of changes) {
      if (change.put === 'rs' && !known.has(rsNameOf(change.rs)))
        this.readings.forget(change.rs.place)
      yield
    }
  }
}

/** A NIC is what it is, whatever the config is: that of an arm which stays has been looked at. */
function withDevicesOf(before: Config, after: Config): Config {
  const arms = after.arms.map((arm, i) => {
    const was = before.arms[i]
    if (arm.kind !== 'nic' || was?.kind !== 'nic' || was.name !== arm.name) return arm
    return { ...arm, mac: was.mac, mtu: was.mtu }
  })
  return { ...after, arms }
}
