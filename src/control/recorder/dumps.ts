/**
 * Dumps of the flight recorder: when a counter that the config names counts up, what the ring holds goes to a file, so that the
 * packets before the mishap are there when somebody comes to look. A disk that is full or missing costs the dump and nothing
 * else.
 */

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigDump } from '../../config/capture.ts'
import { CaptureFile } from '../../see/capture/capture-file.ts'
import { counted } from '../../see/text/counted.ts'
import type { ModuleLog } from '../log/log.ts'
import { isOurs } from '../system/own-file.ts'
import type { HeadOf } from './capture-head.ts'
import type { Watching } from './watching.ts'

/** Between two looks at the counters: at a million packets a second, the ring's 8 MiB last for a few times that. */
const PERIOD_MS = 20
/** Of one reason; a flood of it shall not become a flood of files. */
const PAUSE_MS = 10_000
/** tapvs-SEQUENCE-TIME-REASON.pcapng; those of older versions have no sequence. */
const NAME = /^tapvs-(?:(\d{6,12})-)?\d{8}T\d{6}\.\d{3}Z-\w+\.pcapng$/

export interface DumpSources {
  watching: Watching
  headOf: HeadOf
  /** Drops and events by name. */
  counts(): Record<string, number>
  log: ModuleLog
}

export class Dumps {
  readonly #sources: DumpSources
  #config: ConfigDump | null = null
  #timer: NodeJS.Timeout | undefined
  #counts: Record<string, number> = {}
  /** ms of the monotonic clock by reason. */
  readonly #last = new Map<string, number>()
  /** Dumps are written one after the other. */
  #writing: Promise<void> = Promise.resolve()

  constructor(sources: DumpSources, config: ConfigDump | null) {
    this.#sources = sources
    this.config = config
  }

  /** Another config runs; what was counted before it is not meant. */
  set config(config: ConfigDump | null) {
    if (JSON.stringify(config) === JSON.stringify(this.#config)) return
    this.#config = config
    clearInterval(this.#timer)
    this.#timer = undefined
    if (config === null) return
    this.#counts = this.#sources.counts()
    this.#timer = setInterval(() => this.#look(config), PERIOD_MS)
  }

  /** Something has happened that no counter tells, to whose name `reason` gives: the rings as they are now, if dumps are wanted. */
  mishap(reason: string, what: string): void {
    const config = this.#config
    if (config !== null) this.#writing = this.#writing.then(() => this.#dump(config, reason, what))
  }

  /** Resolves when no file is being written any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#config = null
    await this.#writing
  }

  #look(config: ConfigDump): void {
    const before = this.#counts
    this.#counts = this.#sources.counts()
    const now = performance.now()
    for (const reason of config.on) {
      const more = (this.#counts[reason] ?? 0) - (before[reason] ?? 0)
      if (more <= 0 || now - (this.#last.get(reason) ?? Number.NEGATIVE_INFINITY) < PAUSE_MS)
        continue
      this.#last.set(reason, now)
      this.#writing = this.#writing.then(() =>
        this.#dump(config, reason, `${reason} went up by ${more}`),
      )
    }
  }

  async #dump(config: ConfigDump, reason: string, what: string): Promise<void> {
    const { log } = this.#sources
    if (this.#config !== config) return // meanwhile another, or the end
    const time = new Date().toISOString().replaceAll(/[-:]/g, '')
    try {
      mkdirSync(config.path, { recursive: true, mode: 0o700 })
      const number = String((dumpsIn(config.path).at(-1)?.sequence ?? 0) + 1).padStart(6, '0')
      const path = join(config.path, `tapvs-${number}-${time}-${reason}.pcapng`)
      const packets = await this.#write(path, what)
      log.warn(`TAPVS: ${what}: ${counted(packets, 'packet')} up to then in ${path}`)
      removeOldest(config)
    } catch (error) {
      log.warn(`TAPVS: ${what}, and no dump of it: ${(error as Error).message}`)
    }
  }

  /** => packets in it */
  async #write(path: string, comment: string): Promise<number> {
    const { watching, headOf } = this.#sources
    const file = new CaptureFile(headOf(comment, watching.status().snaplen))
    const handle = await open(path, 'wx', 0o600)
    try {
      await append(handle, file.begin())
      for await (const moments of watching.past()) {
        await append(
          handle,
          moments.flatMap(moment => file.moment(moment)),
        )
      }
      await append(handle, file.end())
    } catch (error) {
      // Half a file is of no use, and takes the place that the next one needs.
      rmSync(path, { force: true })
      throw error
    } finally {
      await handle.close()
    }
    return file.packets
  }
}

async function append(handle: FileHandle, blocks: readonly Uint8Array[]): Promise<void> {
  if (blocks.length > 0) await handle.appendFile(Buffer.concat(blocks))
}

/** The oldest first, by their sequence: times go back when the clock is set. */
function dumpsIn(folder: string): { name: string; sequence: number }[] {
  const dumps = readdirSync(folder).flatMap(name => {
    const match = NAME.exec(name)
    return match ? [{ name, sequence: Number(match[1] ?? 0) }] : []
  })
  return dumps.sort((a, b) => a.sequence - b.sequence || (a.name < b.name ? -1 : 1))
}

function removeOldest({ path, keep }: ConfigDump): void {
  const dumps = dumpsIn(path)
    .map(({ name }) => join(path, name))
    .filter(isOurs)
  for (const dump of dumps.slice(0, Math.max(0, dumps.length - keep))) rmSync(dump)
}
