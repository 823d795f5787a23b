/**
 * The log: winston to stderr and to a file. Levels are per module, floods are held back and accounted for. This thread
 * never touches a packet, so a slow disk costs nobody else anything.
 */

import { once } from 'node:events'
import { Writable } from 'node:stream'
import { isatty } from 'node:tty'
import winston from 'winston'
import { LOG_LEVELS, type LogLevel, type Module, type ModuleLevels } from '../../api/log-levels.ts'
import type { LogFileOptions, LogFormat, LogOptions } from '../../config/log.ts'
import { LogFile } from './file.ts'
import { type Entry, isJournal, journalLine, jsonLine, textLine } from './format.ts'
import { LogLevels } from './levels.ts'
import { heldText, LogLimit } from './limit.ts'

/** Of text that a pipe has not taken yet. Neither winston nor the stream has a limit, so this is it. */
const BACKLOG_BYTES = 1 << 20
/** How long the end waits for a reader that has stopped reading. */
const FLUSH_LIMIT_MS = 1000
/** From the first line that is held back to the account. */
const HELD_PERIOD_MS = 1000

/** What a line says beyond its level and its module. */
export type Saying = Pick<Entry, 'text' | 'worker' | 'fields'>

/** What a module says of itself. Lines with an `event` are held back when there are too many of it. */
export interface ModuleLog {
  error(text: string, event?: string, fields?: object): void
  warn(text: string, event?: string, fields?: object): void
  info(text: string, event?: string, fields?: object): void
}

/** As a whole it is the daemon's own module log. */
export interface Log extends ModuleLog {
  readonly level: LogLevel
  readonly levels: LogLevels
  readonly format: LogFormat
  /** Of all modules, or of one. */
  setLevel(level: LogLevel, module?: Module): void
  /** As a config has them. */
  setLevels(level: LogLevel, modules: ModuleLevels): void
  of(module: Module): ModuleLog
  /** Writes a line unless it is not wanted; `say` is only called for a line that is written. */
  record(level: LogLevel, module: Module, event: string | undefined, say: () => Saying): void
  /** The same without the limit: for what somebody wants every line of. */
  put(entry: Entry): void
  /** Too much text waits to be written: rather lose debug lines. */
  readonly behind: boolean
  /** Opens the file anew, after somebody renamed it. */
  reopen(): void
  /** Resolves when everything is written, or nobody takes it. Nothing is logged after it. */
  flush(): Promise<void>
}

function newLogger(options: LogOptions): winston.Logger {
  const stderr = new winston.transports.Console({
    stderrLevels: [...LOG_LEVELS],
    format: lineFormat(stderrLine(options)),
  })
  // If nobody reads our stderr any more, the daemon goes on without a log rather than not at all.
  process.stderr.on('error', () => {})
  return winston.createLogger({
    // Each module has its level, so winston is given nothing that it would have to refuse.
    level: 'debug',
    format: winston.format(info => info)(),
    transports: [stderr],
  })
}

export function openLog(options: LogOptions): Log {
  const levels = new LogLevels(options.level, options.modules)
  const limit = new LogLimit(options.rate)
  const logger = newLogger(options)
  let ended = false
  const put = (entry: Entry) => {
    if (!ended && levels.wants(entry.level, entry.module)) {
      logger.log({ level: entry.level, message: entry.text, entry })
    }
  }
  const file = options.file === null ? null : addFile(logger, options.file, options.format, put)

  let heldTimer: NodeJS.Timeout | undefined
  const accountForHeld = () => {
    clearTimeout(heldTimer)
    heldTimer = undefined
    const held = limit.takeHeld()
    if (held.size === 0) return
    const fields = Object.fromEntries(held)
    const text = `LOG: ${heldText(held)}`
    put({ level: 'warn', module: 'log', event: 'held_back', fields, text })
  }
  const record: Log['record'] = (level, module, event, say) => {
    if (!levels.wants(level, module)) return
    // Without an event there is nothing to tell kinds by; such lines are few.
    if (event !== undefined && !limit.admits(level === 'debug', event)) {
      heldTimer ??= setTimeout(accountForHeld, HELD_PERIOD_MS).unref()
      return
    }
    put({ level, module, event, ...say() })
  }
  const of = (module: Module): ModuleLog => {
    const at =
      (level: LogLevel) =>
      (text: string, event?: string, fields?: object): void =>
        record(level, module, event, () => ({ text, fields }))
    return { error: at('error'), warn: at('warn'), info: at('info') }
  }
  return {
    ...of('daemon'),
    get level() {
      return levels.base
    },
    levels,
    format: options.format,
    setLevel: (level, module) => levels.set(level, module),
    setLevels: (level, modules) => levels.setAll(level, modules),
    of,
    record,
    put,
    get behind() {
      return process.stderr.writableLength > BACKLOG_BYTES
    },
    reopen: () => file?.reopen(),
    flush: async () => {
      accountForHeld()
      ended = true
      await written(logger)
      file?.close()
      await taken()
    },
  }
}

/** process.exit() right after a log call loses it; `finish` comes when the transport has it. */
async function written(logger: winston.Logger): Promise<void> {
  const finished = once(logger, 'finish')
  logger.end()
  await finished
}

/** The transport has given it to a stream, which may have a pipe before it. */
function taken(): Promise<void> {
  return new Promise(done => {
    const timer = setTimeout(done, FLUSH_LIMIT_MS)
    process.stderr.write('', () => {
      clearTimeout(timer)
      done()
    })
  })
}

type Line = (entry: Entry) => string

/** The journal has times of its own, and at a terminal there is a clock; a log that is kept needs times. */
function stderrLine({ format, timestamps }: LogOptions): Line {
  const timed = timestamps === 'auto' ? !isatty(2) : timestamps
  const line: Line =
    format === 'json'
      ? entry => jsonLine(entry, new Date())
      : entry => textLine(entry, timed ? new Date() : null)
  if (!isJournal(2, process.env.JOURNAL_STREAM)) return line
  // The journal has a time of its own; JSON keeps its, because a program expects the key.
  const plain: Line = format === 'json' ? line : entry => textLine(entry, null)
  return entry => journalLine(entry.level, plain(entry))
}

function lineFormat(line: Line): winston.Logform.Format {
  return winston.format.printf(({ entry }) => line(entry as Entry))
}

function addFile(
  logger: winston.Logger,
  options: LogFileOptions,
  format: LogFormat,
  put: (entry: Entry) => void,
): LogFile {
  const file = new LogFile(options, text =>
    put({ level: 'warn', module: 'log', event: 'file', text }),
  )
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      file.write(chunk)
      done()
    },
  })
  const line: Line = entry => (format === 'json' ? jsonLine : textLine)(entry, new Date())
  logger.add(new winston.transports.Stream({ stream, eol: '', format: lineFormat(line) }))
  return file
}
