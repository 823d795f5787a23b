/**
 * A connection that hands on what comes in piece by piece, each in its turn (turns.ts). Node's HTTP server takes all
 * that the kernel holds at once, up to 2 MiB of one connection: some 70,000 requests of 30 bytes, two seconds of work.
 */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Turns } from '../system/turns.ts'

/** Some 250 of the shortest requests, a few milliseconds. */
const PIECE_BYTES = 8192
/** That wait here; more stay in the kernel, and so with the client. */
const WAITING_BYTES = 65_536

/** For an answer to be read by who is not done asking. */
const LINGER_MS = 500

export class Paced extends Duplex {
  readonly #socket: Socket
  readonly #turns: Turns
  readonly #waiting: Buffer[] = []
  #bytes = 0
  /** The reader has room. */
  #wanted = false
  /** It is in the turns. */
  #queued = false
  #held = false
  #ended = false

  constructor(socket: Socket, turns: Turns) {
    super({ allowHalfOpen: true, emitClose: true })
    this.#socket = socket
    this.#turns = turns
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.once('end', () => {
      this.#ended = true
      // A client that has gone waits for no more answers.
      if (this.#held) this.destroy()
      else this.#ask()
    })
    socket.on('error', error => this.destroy(error))
    socket.once('close', () => this.destroy())
    socket.on('timeout', () => this.emit('timeout'))
  }

  /** As of a socket; 0 for never. */
  setTimeout(ms: number, listener?: () => void): this {
    if (listener) this.once('timeout', listener)
    this.#socket.setTimeout(ms)
    return this
  }

  /** It has said something that was not handed on yet. */
  get isWaiting(): boolean {
    return this.#queued
  }

  /** True: nothing is handed on until it is false again. */
  set held(held: boolean) {
    this.#held = held
    if (!held) this.#ask()
  }

  /**
   * Ends it after what was written has gone, and hands on nothing more. A client that is still sending would lose the answer if
   * the connection were gone at once, and gets a moment to read it.
   */
  destroySoon(): void {
    this.#held = true
    if (this.#ended) this.once('finish', () => this.destroy())
    const timer = setTimeout(() => this.destroy(), LINGER_MS)
    this.once('close', () => clearTimeout(timer))
    this.end()
  }

  #take(chunk: Buffer): void {
    this.#waiting.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > WAITING_BYTES) this.#socket.pause()
    this.#ask()
  }

  #ask(): void {
    if (this.#queued || this.#held || !this.#wanted || (this.#bytes === 0 && !this.#ended)) return
    this.#queued = true
    this.#turns.add(() => this.#hand())
  }

  #hand(): void {
    this.#queued = false
    if (this.destroyed || this.#held) return
    const [first] = this.#waiting
    if (!first) {
      if (this.#ended) this.push(null)
      return
    }
    const piece = first.subarray(0, PIECE_BYTES)
    if (piece.length === first.length) this.#waiting.shift()
    else this.#waiting[0] = first.subarray(PIECE_BYTES)
    this.#bytes -= piece.length
    if (this.#bytes <= WAITING_BYTES / 2 && this.#socket.isPaused()) this.#socket.resume()
    this.#wanted = this.push(piece)
    this.#ask()
  }

  override _read(): void {
    this.#wanted = true
    this.#ask()
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork()
    for (const [i, { chunk }] of chunks.entries())
      this.#socket.write(chunk, i === chunks.length - 1 ? done : undefined)
    this.#socket.uncork()
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#waiting.length = 0
    this.#bytes = 0
    this.#socket.destroy()
    // Node makes an error with a stack for each request that waits: 4 ms for a piece of them, and many may end at once.
    this.#turns.add(() => done(error))
  }
}
