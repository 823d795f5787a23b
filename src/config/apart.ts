/**
 * Reading a config in a thread of its own: a large one takes seconds, and control has clients, checks and a watchdog to
 * see to meanwhile. One is read at a time.
 */

import { type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { Edit } from '../api/edits.ts'
import { type Refusal, Refused } from '../api/refused.ts'
import { type Config, ConfigError, configOf } from './config.ts'
import { edited } from './edited.ts'
import { inPieces, type Pieces } from './pieces.ts'
import type { PackedList } from './prefix-lists.ts'
import type { ConfigFile } from './schema.ts'

/** Beside this file, and beside the parts of a bundle too (scripts/bundle.mjs). */
const THREAD = new URL('../config/thread.js', import.meta.url)

/** What the thread is given: the path of a file; or as JSON, which costs control less than a copy, a value of one and its edits. */
export type Question = { file: string } | { value: string } | { edit: string }

/** A config comes without its services, and they after it, piece by piece. */
export type Answer = { config: Config; services: MessagePort } | { refusal: Refusal }

/** One service of both lists with some of its real servers; `more`: which belong to the service before. */
export interface Part {
  values: Config['services'][number]
  file: ConfigFile['services'][number]
  more: boolean
}

/** A file of 4 MiB, as much as the API takes, is read in some seconds. */
const LIMIT_MS = 30_000
const MEMORY_MB = 1024
/** Services and real servers that are checked within some milliseconds; a thread takes longer to start. */
const SMALL = 500

let last: Promise<unknown> = Promise.resolve()

/** As readConfig. */
export function readConfigApart(file: string): Promise<Config> {
  return asked({ file })
}

/** As configOf. */
export function configOfApart(value: unknown): Promise<Config> {
  return asked({ value: JSON.stringify(value) })
}

/**
 * The same of a config after `edits`, which is seldom large; its lists of files stay as they were read. Throws as edited, too.
 */
export function configOfEdited(
  file: ConfigFile,
  edits: readonly Edit[],
  lists: Readonly<Record<string, PackedList>>,
): Config | Promise<Config> {
  let size = edits.length
  for (const { prefixes } of file.ipsets) size += prefixes.length >> 3
  for (const { real_servers, deny, allow } of file.services)
    size += 1 + real_servers.length + ((deny.length + allow.length) >> 3)
  if (size <= SMALL) return configOf(edited(file, edits), lists)
  return asked({ edit: JSON.stringify({ file, edits, lists }) })
}

function asked(question: Question): Promise<Config> {
  const answer = last.then(() => answered(question))
  last = answer.catch(() => {})
  return answer
}

async function answered(question: Question): Promise<Config> {
  const thread = new Worker(THREAD, {
    workerData: question,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  })
  let timer: NodeJS.Timeout | undefined
  try {
    const answer = await new Promise<Answer>((done, fail) => {
      const late = `the config could not be read within ${LIMIT_MS / 1000} s`
      timer = setTimeout(() => fail(new Error(late)), LIMIT_MS)
      thread.once('message', done)
      thread.once('error', fail)
      thread.once('exit', () => fail(new Error('the config could not be read')))
    })
    if ('config' in answer) return await inPieces(collected(answer.config, answer.services))
    const { refusal } = answer
    if (refusal.problems) throw new ConfigError(refusal.problems, refusal.mistakes)
    throw Refused.of(refusal)
  } finally {
    clearTimeout(timer)
    await thread.terminate()
  }
}

function* collected(config: Config, services: MessagePort): Pieces<Config> {
  for (;;) {
    const parts: Part[] | undefined = receiveMessageOnPort(services)?.message
    if (!parts) return config
    for (const { values, file, more } of parts) {
      if (more) {
        config.services.at(-1)?.realServers.push(...values.realServers)
        config.file.services.at(-1)?.real_servers.push(...file.real_servers)
      } else {
        config.services.push(values)
        config.file.services.push(file)
      }
    }
    yield
  }
}
