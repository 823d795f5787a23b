/** `tapvs capture -w`: the daemon's pcapng stream into a file, which is whole however it ends. */

import { once } from 'node:events'
import { closeSync, ftruncateSync, open as openFile, write } from 'node:fs'
import { promisify } from 'node:util'
import { queryOf } from '../../api/verbs.ts'
import { open } from '../../client/exchange.ts'
import { createOwn, isSpecial, specialFlags, writeProblem } from '../../control/system/own-file.ts'
import { CliError, failure, notReached } from '../daemon/client.ts'
import { Blocks, wholeBlocks } from './blocks.ts'
import { Stop, tellEnd } from './stop.ts'

const opening: (path: string, flags: number) => Promise<number> = promisify(openFile)
const writing = async (fd: number, bytes: Buffer, at: number) =>
  (await promisify(write)(fd, bytes, at, bytes.length - at)).bytesWritten

/** Until the daemon ends it, a signal, or `seconds`. `path` may be `-`. Throws CliError. */
export async function writeCapture(
  socket: string,
  query: Record<string, unknown>,
  path: string,
  seconds?: number,
): Promise<void> {
  if (path === '-' && process.stdout.isTTY)
    throw new CliError('stdout is a terminal; pipe it (| tshark -r -) or name a file with -w', 2)
  const stop = new Stop(seconds)
  const request = { method: 'GET', path: `/v1/capture${queryOf(query)}`, signal: stop.signal }
  const response = await open({ socket }, request).catch(error => {
    throw notReached(socket, error)
  })
  if (response.statusCode !== 200) throw await failure(socket, response)
  // Only now, so that a wrong filter does not cost anybody a file.
  const sink = await Sink.open(path)
  const blocks = new Blocks()
  try {
    for await (const chunk of response) {
      await sink.write(blocks.add(chunk as Buffer))
      stop.saw(blocks.lastUs)
    }
  } catch (error) {
    if (!stop.signal.aborted) {
      if (error instanceof CliError) throw error
      throw notReached(socket, error)
    }
  } finally {
    stop.end()
    response.destroy()
  }
  await sink.write(blocks.end())
  sink.close()
  tellEnd(blocks.packets, blocks.lost)
}

class Sink {
  readonly #path: string
  /** null for stdout. */
  readonly #fd: number | null
  /** A file of ours: bytes of whole blocks in it. -1 for what is no file. */
  #whole: number
  /** Whether anything is in it. */
  #begun = false

  private constructor(path: string, fd: number | null, whole: number) {
    this.#path = path
    this.#fd = fd
    this.#whole = whole
  }

  /** Packets are nobody else's business, also where a file was before. */
  static async open(path: string): Promise<Sink> {
    if (path === '-') return new Sink(path, null, -1)
    try {
      if (!isSpecial(path)) return new Sink(path, createOwn(path, 0o600), 0)
      // In another thread, because a named pipe has to wait for its reader.
      return new Sink(path, await opening(path, specialFlags(path)), -1)
    } catch (error) {
      throw new CliError(`${path} cannot be written: ${writeProblem(error)}`)
    }
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return
    const fd = this.#fd
    if (fd === null) {
      if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
      return
    }
    let at = 0
    try {
      while (at < bytes.length) at += await writing(fd, bytes, at)
    } catch (error) {
      // Half a block would make readers say that the file is cut off.
      const kept = wholeBlocks(bytes, at)
      if (this.#whole >= 0) ftruncateSync(fd, this.#whole + kept)
      const left =
        this.#begun || kept > 0 ? '; what came before is in it' : ', before anything was in it'
      throw new CliError(`${this.#path}: ${writeProblem(error)}${left}`)
    }
    this.#begun = true
    if (this.#whole >= 0) this.#whole += bytes.length
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
  }
}
