/**
 * Reading a config in a thread of its own: a large one takes seconds, and control has clients, checks and a watchdog to
 * see to meanwhile. One is read at a time.
 */

import { Worker } from 'node:worker_threads'
import { type Config, ConfigError, configOf } from './config.ts'
import type { ConfigFile } from './config-schema.ts'

/** What the thread is given: the path of a file, or its value. */
export type Question = { file: string } | { value: unknown }

export type Answer = { config: Config } | { problems: string[] } | { failure: string }

/** A file of 4 MiB, as much as the API takes, is read in some seconds. */
const LIMIT_MS = 30_000
const MEMORY_MB = 1024
/** So many services and real servers are checked within some milliseconds; a thread alone takes longer to start. */
const SMALL = 500

let last: Promise<unknown> = Promise.resolve()

/** As readConfig. */
export function readConfigApart(file: string): Promise<Config> {
  return asked({ file })
}

/** As configOf. */
export function configOfApart(value: unknown): Promise<Config> {
  return asked({ value })
}

/** The same of a value that is a config but for an edit, and so seldom large. */
export function configOfEdited(file: ConfigFile): Config | Promise<Config> {
  let size = 0
  for (const { real_servers } of file.services) size += 1 + real_servers.length
  return size <= SMALL ? configOf(file) : asked({ value: file })
}

function asked(question: Question): Promise<Config> {
  const answer = last.then(() => answered(question))
  last = answer.catch(() => {})
  return answer
}

async function answered(question: Question): Promise<Config> {
  const thread = new Worker(new URL('./config-thread.js', import.meta.url), {
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
    if ('config' in answer) return answer.config
    if ('problems' in answer) throw new ConfigError(answer.problems)
    throw new Error(answer.failure)
  } finally {
    clearTimeout(timer)
    await thread.terminate()
  }
}
