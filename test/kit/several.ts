/**
 * Several workers on one test stand: engines that share an arena and hand over through the real rings, on one thread. A
 * frame goes in at any worker, as if the kernel had steered it there, and comes out of whichever owns it.
 */

import { parseConfig } from '../../src/config/config.ts'
import { arenaBytes, type Tables, tablesOf, workerId } from '../../src/control/threads/memory.ts'
import { arenaSlots } from '../../src/engine/frames.ts'
import type { IsnSource } from '../../src/engine/isn.ts'
import { Steering } from '../../src/engine/steering.ts'
import { Exchange } from '../../src/io/exchange.ts'
import { Handover } from '../../src/io/handover.ts'
import { hear } from './journaled.ts'
import { fixedIsn, type Out, SEED_CONFIG, Stand } from './stand.ts'
import { knownTemplates } from './uncounted.ts'

export class Several {
  readonly stands: Stand[]
  readonly steering: Steering
  /** By worker. */
  readonly tables: readonly Tables[]
  readonly #exchanges: Exchange[]

  constructor(workers: number, seedConfig = SEED_CONFIG, isn: IsnSource = fixedIsn(4001)) {
    const yaml = `${seedConfig}\nworkers: { count: ${workers} }\n`
    const config = parseConfig(yaml, 'several.yaml')
    const arena = new SharedArrayBuffer(arenaBytes(config))
    const slots = arenaSlots(config.arms.length)
    const rings = new SharedArrayBuffer(Handover.bytesFor(workers, slots))
    this.steering = new Steering(workers)
    const indices = Array.from({ length: workers }, (_, i) => i)
    this.#exchanges = indices.map(
      self =>
        new Exchange(
          new Handover(rings, workers, self, slots, () => {}),
          this.steering,
          workers,
          self,
        ),
    )
    const templateMemory = knownTemplates()
    this.tables = tablesOf(config, workers)
    this.stands = indices.map(worker => {
      const peers = this.#exchanges[worker]
      const stand = new Stand(yaml, isn, {
        worker,
        arena,
        peers,
        tables: this.tables[worker] as Tables,
        templateMemory,
      })
      stand.exchange = peers
      return stand
    })
    this.settle()
  }

  /** Puts a frame in at one worker. => Everything that any worker sends, checked. */
  input(worker: number, arm: string, frame: Uint8Array): Out[] {
    const out = this.stands[worker].input(arm, frame)
    this.#publish(worker)
    return [...out, ...this.settle()]
  }

  /** A TCP segment in at one worker. */
  segment(worker: number, arm: string, line: Parameters<Stand['segment']>[1]): Out[] {
    const out = this.stands[worker].segment(arm, line)
    this.#publish(worker)
    return [...out, ...this.settle()]
  }

  /** Lets the workers take in what the others have sent, until nothing moves. */
  settle(): Out[] {
    const out: Out[] = []
    const judge = (stand: Stand, arm: number, slot: number) =>
      stand.judgeSlot(stand.engine.arms[arm], slot)
    for (let round = 0; round < 3; round++)
      this.exchange(judge, stand => out.push(...stand.drain()))
    return out
  }

  /** Each worker takes in once what the others have sent; frames go to `judge`, and behind them `sent` sees to what is to leave. */
  exchange(
    judge: (stand: Stand, arm: number, slot: number) => void,
    sent: (stand: Stand) => void,
  ): void {
    for (const [worker, stand] of this.stands.entries()) {
      const { frames } = stand.engine
      this.#exchanges[worker].flush(frames)
      this.#exchanges[worker].receive(
        frames,
        (arm, slot) => judge(stand, arm, slot),
        (...said) => hear(stand, ...said),
      )
      sent(stand)
      this.#exchanges[worker].flush(frames)
    }
  }

  /** Log lines of a worker since the last call. */
  log(worker: number): string[] {
    return this.stands[worker].log(workerId(worker))
  }

  #publish(worker: number): void {
    this.#exchanges[worker].flush(this.stands[worker].engine.frames)
  }
}
