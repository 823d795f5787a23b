/** The thread of config-apart.ts: reads one config, and ends. */

import { parentPort, workerData } from 'node:worker_threads'
import { ConfigError, configOf, readConfig } from './config.ts'
import type { Answer, Question } from './config-apart.ts'

function answer(question: Question): Answer {
  try {
    const config = 'file' in question ? readConfig(question.file) : configOf(question.value)
    return { config }
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems }
    return { failure: (error as Error).message }
  }
}

parentPort?.postMessage(answer(workerData as Question))
