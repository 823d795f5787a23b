/** `tapvs capture -w`: the daemon's pcapng stream into a file, which is whole however it ends. */

import { fchmodSync, fstatSync } from 'node:fs'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import { open } from '../../client/exchange.ts'
import { queryOf } from '../../control/api/verbs.ts'
import { CliError, failure, whyNot } from '../client.ts'
import { Blocks } from './blocks.ts'
import { Stop, tellEnd } from './stop.ts'

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
  const response = await open({ socket }, request).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(whyNot(socket, error))
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
      throw new CliError(whyNot(socket, error as NodeJS.ErrnoException))
    }
  } finally {
    stop.end()
    response.destroy()
  }
  await sink.write(blocks.end())
  await sink.close()
  tellEnd(blocks.packets, blocks.lost)
}

class Sink {
  readonly #path: string
  /** null for stdout. */
  readonly #file: FileHandle | null

  private constructor(path: string, file: FileHandle | null) {
    this.#path = path
    this.#file = file
  }

  static async open(path: string): Promise<Sink> {
    if (path === '-') return new Sink(path, null)
    try {
      const file = await openFile(path, 'w', 0o600)
      // Packets are nobody else's business, also in a file that was there before.
      if (fstatSync(file.fd).isFile()) fchmodSync(file.fd, 0o600)
      return new Sink(path, file)
    } catch (error) {
      throw new CliError(`${path} cannot be written: ${(error as Error).message}`)
    }
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return
    try {
      if (this.#file !== null) await this.#file.writeFile(bytes)
      else if (!process.stdout.write(bytes))
        await new Promise<void>(done => process.stdout.once('drain', done))
    } catch (error) {
      throw new CliError(`${this.#path} cannot be written: ${(error as Error).message}`)
    }
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }
}
