/** `node main.js PLAN`: the clients of a soak, until stdin ends. What they say is a line of JSON each (plan.ts). */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { startDns } from './dns.ts'
import { startHttp } from './http.ts'
import { startNew } from './new.ts'
import type { Plan } from './plan.ts'
import { startRedis } from './redis.ts'
import { Report } from './report.ts'

const plan = JSON.parse(readFileSync(process.argv[2] as string, 'utf8')) as Plan
const report = new Report()
const running = [startRedis, startHttp, startNew, startDns].map(start => start(plan, report))
const timer = setInterval(() => report.tally(), 1000)
process.stdin.resume()
await once(process.stdin, 'end')
await Promise.all(running.map(one => one.stop()))
clearInterval(timer)
report.tally()
