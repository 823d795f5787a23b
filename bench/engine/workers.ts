/**
 * Several engines at the same time, a thread each, as a machine with several workers runs them: an engine shares nothing
 * with the others, so what is lost against one thread is the machine's (memory, cache, clock).
 */

import { fileURLToPath } from 'node:url'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { Clients } from './clients.ts'
import { Established } from './established.ts'
import { Rig } from './rig.ts'

const CONNS = 1 << 16
const SECONDS = 2
const CHUNK = 20_000

/** => Packets per second of `count` workers together, preparing the frames included for one and for all. */
export async function workers(count: number): Promise<number> {
  const go = new SharedArrayBuffer(8)
  const threads = Array.from(
    { length: count },
    (_, residue) =>
      new Worker(fileURLToPath(import.meta.url), { workerData: { go, count, residue } }),
  )
  const rates = await Promise.all(
    threads.map(
      thread =>
        new Promise<number>((done, fail) => {
          thread.once('message', done)
          thread.once('error', fail)
        }),
    ),
  )
  return rates.reduce((sum, rate) => sum + rate, 0)
}

/** One worker's turn: ready, wait for the others, then packets until the time is over. */
function work({ go, count, residue }: { go: SharedArrayBuffer; count: number; residue: number }) {
  const mask = (1 << (32 - Math.clz32(count - 1))) - 1
  const lips = 3 * (mask + 1)
  const clients = new Clients(new Rig({ conns: CONNS, lips, lports: { mask, residue } }), CONNS)
  clients.open()
  const traffic = new Established(clients)
  traffic.run(400_000)
  const started = new Int32Array(go)
  Atomics.add(started, 0, 1)
  while (Atomics.load(started, 0) < count) {}
  const from = performance.now()
  const end = from + SECONDS * 1000
  let judged = 0
  let packets = 0
  while (performance.now() < end) {
    judged += (traffic.run(CHUNK) * CHUNK) / 1e9
    packets += CHUNK
  }
  parentPort?.postMessage(packets / judged)
}

if (parentPort !== null) work(workerData)
