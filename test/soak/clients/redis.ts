/** Connections to redis that stay open: values are set and read back, one at a time or in pipelines. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Plan, type Running, Wrong } from './plan.ts'
import { type Report, whyOf } from './report.ts'
import { Resp } from './resp.ts'

const CONNECTIONS = 10
/** Commands of each kind at once; most talk one by one, as most programs do. */
const PIPELINES = [1, 1, 1, 10, 50]
const AGAIN_MS = 200

export function startRedis(plan: Plan, report: Report): Running {
  const talks = Array.from({ length: CONNECTIONS }, (_, id) => new Talk(id, plan, report))
  return {
    stop: async () => {
      await Promise.all(talks.map(talk => talk.stop()))
    },
  }
}

class Talk {
  readonly #id: number
  readonly #plan: Plan
  readonly #report: Report
  readonly #pauseMs: number
  #rs: string | null = null
  #count = 0
  #over = false
  readonly #ended: Promise<void>

  constructor(id: number, plan: Plan, report: Report) {
    this.#id = id
    this.#plan = plan
    this.#report = report
    this.#pauseMs = (1000 * CONNECTIONS) / plan.rates.redis
    this.#ended = this.#run()
  }

  stop(): Promise<void> {
    this.#over = true
    return this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      let resp: Resp | undefined
      let from = Date.now()
      this.#rs = null
      try {
        resp = await Resp.open(this.#plan.vip, 6379)
        const [info = ''] = await resp.ask([['CLIENT', 'INFO']])
        this.#rs = / laddr=([\d.]+):/.exec(info)?.[1] ?? null
        while (!this.#over) {
          from = Date.now()
          await this.#setAndGet(resp)
          this.#report.done('redis', from)
          await sleep(this.#pauseMs)
        }
        await resp.end()
      } catch (error) {
        resp?.destroy()
        this.#report.error('redis', 'redis', from, this.#rs, whyOf(error))
        await sleep(AGAIN_MS)
      }
    }
  }

  async #setAndGet(resp: Resp): Promise<void> {
    const many = PIPELINES[this.#id % PIPELINES.length] ?? 1
    const pairs = Array.from({ length: many }, (_, k) => {
      const count = this.#count++
      return [`soak:${this.#id}:${k}`, `${count}-`.repeat(1 + (count % 200))] as const
    })
    const sets = pairs.map(([key, value]) => ['SET', key, value])
    const replies = await resp.ask([...sets, ...pairs.map(([key]) => ['GET', key])])
    for (const [k, [key, value]] of pairs.entries()) {
      if (replies[k] !== 'OK') throw new Wrong(`SET ${key} is answered ${replies[k]}`)
      if (replies[many + k] !== value) throw new Wrong(`GET ${key} gives another value`)
    }
  }
}
