/** The thread of apart.ts: reads one config, and ends. */

import { MessageChannel, parentPort, workerData } from 'node:worker_threads'
import { Refused } from '../api/refused.ts'
import type { Answer, Part, Question } from './apart.ts'
import { type Config, configOf, readConfig } from './config.ts'
import { edited } from './edited.ts'

/** Services and real servers that control takes over in one go, some milliseconds. */
const PIECE = 128

function configFor(question: Question): Config {
  if ('file' in question) return readConfig(question.file)
  if ('value' in question) return configOf(JSON.parse(question.value))
  const { file, edits, lists } = JSON.parse(question.edit)
  return configOf(edited(file, edits), lists)
}

function answer(question: Question): Answer {
  try {
    const config = configFor(question)
    const { port1, port2 } = new MessageChannel()
    for (const piece of pieces(config)) port1.postMessage(piece)
    return {
      config: { ...config, services: [], file: { ...config.file, services: [] } },
      services: port2,
    }
  } catch (error) {
    if (error instanceof Refused) return { refusal: error.toJSON() }
    return { refusal: { error: (error as Error).message } }
  }
}

function* pieces({ services, file }: Config): Generator<Part[]> {
  let parts: Part[] = []
  let size = 0
  for (const [i, whole] of services.entries()) {
    const inFile = file.services[i] as Part['file']
    let from = 0
    do {
      const to = from + PIECE
      parts.push({
        values: { ...whole, realServers: whole.realServers.slice(from, to) },
        file: { ...inFile, real_servers: inFile.real_servers.slice(from, to) },
        more: from > 0,
      })
      size += 1 + Math.min(PIECE, whole.realServers.length - from)
      from = to
      if (size >= PIECE) {
        yield parts
        parts = []
        size = 0
      }
    } while (from < whole.realServers.length)
  }
  yield parts
}

const given = answer(workerData as Question)
parentPort?.postMessage(given, 'services' in given ? [given.services] : [])
