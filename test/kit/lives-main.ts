/**
 * `node lives-main.js FD MIB`: a process with lives (io/life.ts) at descriptor FD: slot 0 in its main thread, 1 and 2 in threads, and MIB of memory.
 * Says `live` when all have theirs; at a line of stdin `end` a thread ends, which it says; `resign` the main thread does so.
 */

import { createInterface } from 'node:readline'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { live, MAIN_SLOT, resign } from '../../src/io/life.ts'

if (!isMainThread) {
  const { fd, slot } = workerData as { fd: number; slot: number }
  live(fd, slot)
  parentPort?.postMessage('live')
  parentPort?.once('message', () => parentPort?.close())
} else {
  const fd = Number(process.argv[2])
  const memory = Buffer.alloc(Number(process.argv[3]) * 2 ** 20, 1)
  const own = live(fd, MAIN_SLOT)
  const threads = [1, 2].map(
    slot => new Worker(new URL(import.meta.url), { workerData: { fd, slot } }),
  )
  await Promise.all(threads.map(thread => new Promise(done => thread.once('message', done))))
  process.stdout.write('live\n')
  const [first] = threads
  first?.once('exit', () => process.stdout.write('ended\n'))
  createInterface(process.stdin).on('line', line => {
    if (line === 'end') first?.postMessage('end')
    else {
      resign(own)
      process.stdout.write(`resigned ${memory.length}\n`)
    }
  })
}
