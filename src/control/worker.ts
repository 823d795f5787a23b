/**
 * The packet thread: builds its engine, opens its arms, runs the loop, and answers control between bursts. It never
 * returns to Node's event loop while it runs, so messages are fetched by hand after a wake-up.
 */

import { randomBytes } from 'node:crypto'
import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Engine } from '../engine/engine.ts'
import { KeyedIsn } from '../engine/isn.ts'
import { TraceRing } from '../engine/trace.ts'
import { Impair } from '../io/impair.ts'
import { clockMs, Loop } from '../io/loop.ts'
import { TapArm } from '../io/tap-arm.ts'
import { buildEngine } from './apply.ts'
import type { Answer, Request, VerbName } from './commands.ts'
import type { Config, ConfigImpair } from './config.ts'
import { addresses, connPage, counters, neighbours, services } from './snapshots.ts'
import type { FromWorker, ToWorker, WorkerStart } from './worker-protocol.ts'

const start = workerData as WorkerStart
const { config, port } = start

function post(message: FromWorker): void {
  port.postMessage(message)
}

function main(): void {
  const trace = new TraceRing(start.trace, start.traceRecords)
  trace.debug = config.log.level === 'debug'
  const key = randomBytes(20)
  const engine = buildEngine(config, {
    trace,
    isn: new KeyedIsn(Int32Array.of(...[0, 4, 8, 12].map(at => key.readInt32LE(at)))),
    seed: key.readInt32LE(16) | 1,
    now: clockMs(),
  })
  const taps = openTaps(engine, config)
  const loop = new Loop(engine, taps, start.waker, {
    control: () => readMail(engine, taps),
    armChanged: (tap, up) => post({ warning: `arm ${tap.name} is ${up ? 'back' : 'gone'}` }),
  })
  post({ ready: true })
  loop.run()
  for (const tap of taps) tap.lose()
}

function openTaps(engine: Engine, { arms }: Config): TapArm[] {
  return arms.map((arm, i) => {
    const impair = isImpaired(arm.impair) ? new Impair(arm.impair, engine.frames) : null
    const netns = arm.netns === null ? '' : `/run/netns/${arm.netns}`
    const options = { name: arm.name, netns, impair }
    const tap = new TapArm(
      engine.arms[i] as Engine['arms'][0],
      options,
      engine.frames,
      engine.counters,
    )
    tap.open()
    return tap
  })
}

function isImpaired({ loss, duplicate, reorder, corrupt }: ConfigImpair): boolean {
  return loss + duplicate + reorder + corrupt > 0
}

/** Carries out what the control thread has sent; false ends the loop. */
function readMail(engine: Engine, taps: readonly TapArm[]): boolean {
  for (;;) {
    const message = receiveMessageOnPort(port)?.message as ToWorker | undefined
    if (message === undefined) return true
    if ('stop' in message) return false
    if ('debug' in message) engine.trace.debug = message.debug
    else post({ id: message.id, answer: answered(engine, taps, message.request) })
  }
}

/** A listing that goes wrong is an error for whoever asked, and nothing for the packets. */
function answered(engine: Engine, taps: readonly TapArm[], request: Asked): Answer {
  try {
    return answer(engine, taps, request)
  } catch (error) {
    return { error: `cannot answer ${request.verb}: ${(error as Error).message}` }
  }
}

type Asked = Request<Exclude<VerbName, 'log' | 'ping'>>

function answer(engine: Engine, taps: readonly TapArm[], request: Asked): Answer {
  switch (request.verb) {
    case 'services':
      return { ok: services(engine, config) }
    case 'conns':
      return { ok: connPage(engine, request.from, request.limit, config.worker.id) }
    case 'addresses':
      return { ok: addresses(engine, config) }
    case 'neighbours':
      return { ok: neighbours(engine, config) }
    case 'counters':
      return { ok: counters(engine, config, taps) }
  }
}

try {
  main()
} catch (error) {
  post({ failed: (error as Error).message })
  throw error
}
