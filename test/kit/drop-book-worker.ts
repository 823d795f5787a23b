/** Keeps frames in a drop book as fast as it can; all bytes of a frame are its number's last one. */

import { workerData } from 'node:worker_threads'
import { DropBook, KEPT_BYTES } from '../../src/engine/drop-book.ts'
import { Frames } from '../../src/engine/frames.ts'

export interface WorkerStart {
  memory: SharedArrayBuffer
  /** An int32 that is not 0 when it is to end. */
  end: SharedArrayBuffer
}

const { memory, end } = workerData as WorkerStart
const frames = new Frames(new ArrayBuffer(Frames.bytesFor(512)), 512)
const book = new DropBook(memory, frames)
const slot = frames.take()
const bytes = new Uint8Array(frames.pkt.buffer, frames.start[slot], KEPT_BYTES)
const stop = new Int32Array(end)
frames.length[slot] = KEPT_BYTES
for (let n = 0; Atomics.load(stop, 0) === 0; n++) {
  bytes.fill(n)
  book.now = n & 255
  book.keep(7, n & 255, slot)
}
