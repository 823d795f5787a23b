/** A packet thread without packets; what it does is said by the name of the first arm. See tapless-daemon.ts. */

import { workerData } from 'node:worker_threads'
import type {
  FromWorker,
  ToWorker,
  WorkerAnswer,
  WorkerStart,
} from '../../src/control/threads/protocol.ts'
import { Counters, Gauge } from '../../src/engine/counters.ts'
import { sayLport } from '../../src/engine/say.ts'
import { TraceRing } from '../../src/engine/trace.ts'

const { config, index, port, tables, trace, traceRecords, page } = workerData as WorkerStart
const counters = new Counters(tables.counters, 1)
const ring = new TraceRing(trace, traceRecords)
const role = config.arms[0]?.name

const post = (message: FromWorker) => port.postMessage(message)
const beat = setInterval(() => counters.gauges[Gauge.TURNS]++, 50)
beat.unref()
const say = (number: number) => sayLport(ring, { lip: 0x7f000001, family: 0 }, number, 0, 0)

if (role === 'fails') {
  post({ failed: 'out of memory' })
  throw new Error('out of memory')
}

port.on('message', (message: ToWorker) => {
  switch (message.do) {
    case 'stop':
      while (role === 'hangs');
      port.close()
      return
    case 'debug': {
      ring.log(message.on)
      if (!message.on) return
      const many = role === 'chatters' ? 100_000 : 1
      for (let i = 0; i < many; i++) say(i)
      counters.gauges[Gauge.TRACE_LOST] = ring.lost
      return
    }
    case 'lose':
      post({ lost: message.arm })
      return
    case 'attach':
      ring.log(true)
      say(message.queue.fd)
      return
    case 'put':
    case 'check':
    case 'drain':
      return
    default:
      if (role === 'dies') throw new Error('a bug')
      post({ id: message.id, answer: answerTo(message) })
  }
})

function answerTo(message: Extract<ToWorker, { id: number }>): WorkerAnswer {
  switch (message.do) {
    case 'conns':
      // Each has two pages, of one connection whose client is the place where it begins.
      new Int32Array(page).fill(0).set([message.from])
      return { ok: { count: 1, next: message.from === 0 ? 7 : -1 } }
    case 'neighbours':
      return { ok: [] }
    case 'probe':
    case 'image':
      return { error: `no ${message.do} on paper` }
    case 'change':
    case 'answer':
      return { ok: null }
  }
}

if (role === 'loses' && index === 1) post({ lost: 0 })
post({ ready: true })
