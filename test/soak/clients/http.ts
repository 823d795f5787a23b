/** Web clients whose connections stay open: files are read, and their sums compared. */

import { createHash } from 'node:crypto'
import { Agent, get } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ANSWER_LIMIT_MS, type Plan, type Running, Wrong } from './plan.ts'
import { type Report, whyOf } from './report.ts'

const BROWSERS = 8
const AGAIN_MS = 200
/** Every so many requests one is for a file that is not the first. */
const LARGER = 20

export function startHttp(plan: Plan, report: Report): Running {
  let over = false
  const browsers = Array.from({ length: BROWSERS }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const rss = new WeakMap<Socket, string>()
    for (let count = 1; !over; count++) {
      const turn = count % LARGER === 0 ? 1 + ((count / LARGER) % (plan.files.length - 1)) : 0
      const from = Date.now()
      const asked = { rs: null as string | null }
      try {
        await fetched(plan, plan.files[turn] as Plan['files'][0], { agent, rss, asked })
        report.done('http', from)
        await sleep((1000 * BROWSERS) / plan.rates.http)
      } catch (error) {
        report.error('http', 'http', from, asked.rs, whyOf(error))
        await sleep(AGAIN_MS)
      }
    }
    agent.destroy()
  })
  return {
    stop: async () => {
      over = true
      await Promise.all(browsers)
    },
  }
}

interface Asking {
  agent: Agent
  /** What the RS of a connection has called itself. */
  rss: WeakMap<Socket, string>
  asked: { rs: string | null }
}

function fetched(
  { vip }: Plan,
  { path, sha256 }: Plan['files'][0],
  { agent, rss, asked }: Asking,
): Promise<void> {
  return new Promise((done, fail) => {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
    const request = get({ host: vip, path, agent, signal }, response => {
      const { rs } = response.headers
      asked.rs = String(rs)
      rss.set(response.socket, asked.rs)
      const hash = createHash('sha256')
      response.on('data', data => hash.update(data))
      response.on('error', fail)
      response.on('end', () => {
        const sum = hash.digest('hex')
        if (response.statusCode !== 200) fail(new Wrong(`${path}: status ${response.statusCode}`))
        else if (response.complete && sum !== sha256) fail(new Wrong(`${path}: another body`))
        else if (!response.complete) fail(new Error('closed'))
        else done()
      })
    })
    request.on('socket', socket => {
      asked.rs = rss.get(socket) ?? null
    })
    request.on('error', fail)
  })
}
