/**
 * A file of lines that is rotated by size and survives a bad disk. Lines are written at the end of the turn in which they
 * came, by a system call that this thread waits for: it touches no packet.
 *
 * Winston has a transport for files. On a full disk it stops for good and takes the logger's other transports with it,
 * without an error, hence this one.
 */

import { closeSync, fstatSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { LogFileOptions } from '../../config/log.ts'
import { countedLost } from '../../see/text/counted.ts'
import { appendOwn, checkRemovable } from '../system/own-file.ts'

/** Text that is written without waiting for the end of the turn. */
const CHUNK_BYTES = 1 << 16
/** ms between two attempts at a file that cannot be written. */
export const RETRY_MS = 5000
const MODE = 0o640

export class LogFile {
  readonly #path: string
  readonly #maxBytes: number
  readonly #keep: number
  readonly #complain: (text: string) => void
  readonly #retryMs: number
  #fd = -1
  #size = 0
  #lines: Buffer[] = []
  #bytes = 0
  #flushing: NodeJS.Immediate | undefined
  /** Lines that could not be written since the file was last in order. */
  #lost = 0
  #broken = false
  #triedAt = 0
  /** The last thing written is half a line. */
  #torn = false
  /** Devices and pipes have no size and no other name. */
  #isRegular = false

  /** `complain` gets one line when the file goes wrong, and one when it is right again. */
  constructor(options: LogFileOptions, complain: (text: string) => void, retryMs = RETRY_MS) {
    this.#path = options.path
    this.#maxBytes = options.maxBytes
    this.#keep = options.keep
    this.#complain = complain
    this.#retryMs = retryMs
    this.#isOpen()
  }

  /** Appends a line (its end is added). It is in the file after the present turn of the event loop. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`)
    this.#lines.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes >= CHUNK_BYTES) this.flush()
    else this.#flushing ??= setImmediate(() => this.flush())
  }

  /** Writes what has come until now. */
  flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    const lines = this.#lines
    this.#lines = []
    this.#bytes = 0
    for (let from = 0; from < lines.length; ) from = this.#writeSome(lines, from)
  }

  /** After somebody has renamed the file: from now on lines go to a new one of the same name. */
  reopen(): void {
    this.flush()
    this.#close()
    this.#triedAt = 0
    this.#torn = false
    this.#broken = false
    this.#isOpen()
  }

  close(): void {
    this.flush()
    this.#close()
  }

  /** Writes lines from `from` on, as many as fit into the file. => the first that is still to be written */
  #writeSome(lines: Buffer[], from: number): number {
    if (!this.#isOpen()) {
      this.#lost += lines.length - from
      return lines.length
    }
    let to = from
    let bytes = 0
    for (; to < lines.length; to++) {
      const length = (lines[to] as Buffer).length
      if (to > from && this.#size + bytes + length > this.#maxBytes) break
      bytes += length
    }
    if (this.#size > 0 && this.#size + bytes > this.#maxBytes) {
      this.#rotate()
      return from
    }
    this.#append(lines.slice(from, to))
    return to
  }

  /** A disk that fills up takes a part of a write. */
  #append(lines: Buffer[]): void {
    const mend = this.#torn ? 1 : 0
    const all = Buffer.concat(mend ? [Buffer.from('\n'), ...lines] : lines)
    let written = 0
    try {
      while (written < all.length) {
        written += writeSync(this.#fd, all, written)
        this.#torn = all[written - 1] !== 0x0a
      }
      this.#mended()
    } catch (error) {
      this.#lost += linesIn(all.subarray(Math.max(written, mend)))
      this.#broke(error)
    } finally {
      if (this.#isRegular) this.#size += written
    }
  }

  #isOpen(): boolean {
    if (this.#fd >= 0) return true
    const now = performance.now()
    if (this.#broken && now - this.#triedAt < this.#retryMs) return false
    this.#triedAt = now
    try {
      this.#fd = appendOwn(this.#path, MODE)
      const stat = fstatSync(this.#fd)
      this.#isRegular = stat.isFile()
      this.#size = this.#isRegular ? stat.size : 0
      return true
    } catch (error) {
      this.#broke(error)
      return false
    }
  }

  #rotate(): void {
    this.#close()
    this.#torn = false
    try {
      for (let n = 0; n <= this.#keep; n++) this.#checkRemovable(n)
      if (this.#keep === 0) rmSync(this.#path)
      for (let n = this.#keep; n > 0; n--) {
        try {
          renameSync(n === 1 ? this.#path : `${this.#path}.${n - 1}`, `${this.#path}.${n}`)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        }
      }
    } catch (error) {
      // Better one file that grows than none.
      this.#complain(`LOG: cannot rotate ${this.#path}: ${(error as Error).message}`)
      this.#isOpen()
      this.#size = 0
    }
  }

  /** Of the files that rotation renames it may be any that is not ours. */
  #checkRemovable(n: number): void {
    const path = n === 0 ? this.#path : `${this.#path}.${n}`
    try {
      checkRemovable(path)
    } catch (error) {
      throw new Error(`${path}: ${(error as Error).message}`)
    }
  }

  #close(): void {
    if (this.#fd < 0) return
    closeSync(this.#fd)
    this.#fd = -1
  }

  #broke(error: unknown): void {
    this.#close()
    this.#triedAt = performance.now()
    if (this.#broken) return
    this.#broken = true
    this.#complain(`LOG: cannot write ${this.#path}: ${this.#why(error as NodeJS.ErrnoException)}`)
  }

  #why(error: NodeJS.ErrnoException): string {
    const folder = dirname(this.#path)
    switch (error.code) {
      case 'ENOENT':
        return `there is no folder ${folder}; make it, the file is tried again`
      case 'ENOSPC':
      case 'EDQUOT':
        return 'the disk is full; the file is tried again'
      case 'EACCES':
      case 'EPERM':
      case 'EROFS':
        return `not allowed; let the daemon's user write in ${folder}, the file is tried again`
      default:
        return `${error.message}; the file is tried again`
    }
  }

  #mended(): void {
    if (!this.#broken && this.#lost === 0) return
    this.#broken = false
    this.#complain(`LOG: ${this.#path} is written again, ${countedLost(this.#lost, 'line')}`)
    this.#lost = 0
  }
}

function linesIn(text: Buffer): number {
  let count = 0
  for (let at = text.indexOf(0x0a); at >= 0; at = text.indexOf(0x0a, at + 1)) count++
  return count
}
