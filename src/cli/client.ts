/** One request to the daemon over its control socket, and its errors in words that say what to do. */

import { createConnection } from 'node:net'
import type { Answer, Request, VerbName, Verbs } from '../control/commands.ts'

/** The daemon itself gives up on its packet thread after 5 s. */
const ANSWER_LIMIT_MS = 10_000

/** A failure that is told in one line, without a stack. */
export class CliError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

/** The answer of the daemon at `socketPath`; throws CliError when there is none or it is an error. */
export async function ask<V extends VerbName>(
  socketPath: string,
  request: Request<V>,
): Promise<Verbs[V]['answer']> {
  const text = await exchange(socketPath, `${JSON.stringify(request)}\n`)
  let answer: Answer<V>
  try {
    answer = JSON.parse(text)
  } catch {
    throw new CliError(`what answers at ${socketPath} is no tapvs daemon`)
  }
  if ('error' in answer) throw new CliError(answer.error)
  return answer.ok
}

/** Sends a line, => the first line that comes back */
function exchange(path: string, line: string): Promise<string> {
  return new Promise((done, fail) => {
    const socket = createConnection(path)
    let text = ''
    const end = (error: CliError) => {
      socket.destroy()
      fail(error)
    }
    socket.setEncoding('utf8')
    socket.setTimeout(ANSWER_LIMIT_MS, () =>
      end(new CliError(`the daemon at ${path} did not answer within ${ANSWER_LIMIT_MS / 1000} s`)),
    )
    socket.on('connect', () => socket.write(line))
    socket.on('error', error => end(new CliError(whyNot(path, error))))
    socket.on('data', chunk => {
      text += chunk
      const newline = text.indexOf('\n')
      if (newline < 0) return
      socket.destroy()
      done(text.slice(0, newline))
    })
    socket.on('end', () => end(new CliError(`the daemon at ${path} ended without an answer`)))
  })
}

function whyNot(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
    case 'ENOTDIR':
      return `no daemon answers at ${path} (start one with: tapvs run --config FILE, or name its socket with --socket)`
    case 'EACCES':
    case 'EPERM':
      return `not allowed to use ${path} (the socket is the daemon's user's: try sudo, or name another with --socket)`
    case 'EAGAIN':
      return `the daemon at ${path} is too busy to take the connection; try again`
    default:
      return `${path}: ${error.message}`
  }
}
