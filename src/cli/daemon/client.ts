/** One request to the daemon over its control socket, and its errors in words that say what to do. */

import type { IncomingMessage } from 'node:http'
import type { Request, VerbName, Verbs } from '../../api/commands.ts'
import type { Refusal } from '../../api/refused.ts'
import { httpOf } from '../../api/verbs.ts'
import { exchange, type Reply, textOf } from '../../client/exchange.ts'

/** The daemon itself gives up on its packet thread after 5 s. */
const ANSWER_LIMIT_MS = 10_000

/** A failure that is told in one line, without a stack. */
export class CliError extends Error {
  readonly exitCode: number
  /** What the daemon said, if it is the daemon that refuses. */
  readonly refusal: Refusal | undefined

  constructor(message: string, exitCode = 1, refusal?: Refusal) {
    super(message)
    this.name = 'CliError'
    this.exitCode = exitCode
    this.refusal = refusal
  }

  /** A line for each mistake in a config. */
  get problems(): string[] | undefined {
    return this.refusal?.problems
  }
}

/** No daemon is there to be asked. */
export class NoDaemon extends CliError {}

/** The answer of the daemon at `socketPath`. Throws CliError when there is none or it is an error. */
export async function ask<V extends VerbName>(
  socketPath: string,
  request: Request<V>,
): Promise<Verbs[V]['answer']> {
  const { method, path, body } = httpOf(request)
  let reply: Reply
  try {
    const options = { method, path, body: body && JSON.stringify(body) }
    reply = await exchange({ socket: socketPath }, options, ANSWER_LIMIT_MS)
  } catch (error) {
    throw notReached(socketPath, error)
  }
  const answer = parsed(socketPath, reply.text)
  if (reply.status < 300) return answer as Verbs[V]['answer']
  throw refusal(socketPath, answer)
}

/** What an answer that is none says of itself. */
export async function failure(socketPath: string, response: IncomingMessage): Promise<CliError> {
  return refusal(socketPath, parsed(socketPath, await textOf(response)))
}

function parsed(socketPath: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw stranger(socketPath)
  }
}

function refusal(socketPath: string, answer: unknown): CliError {
  const refusal = (answer ?? {}) as Partial<Refusal>
  if (typeof refusal.error !== 'string') return stranger(socketPath)
  return new CliError(refusal.error, 1, refusal as Refusal)
}

function stranger(socketPath: string): CliError {
  return new CliError(`what answers at ${socketPath} is no tapvs daemon`)
}

const NOBODY: readonly unknown[] = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR']

/** For `error` of a request: why nobody answers, and what to do. */
export function notReached(path: string, error: unknown): CliError {
  const failure = error as NodeJS.ErrnoException
  if (!NOBODY.includes(failure.code)) return new CliError(whyNot(path, failure))
  return new NoDaemon(
    `no daemon answers at ${path} (start one with: tapvs run --config FILE, or name its socket with --socket)`,
  )
}

function whyNot(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return `not allowed to use ${path} (the socket is the daemon's user's: try sudo, or name another with --socket)`
    case 'EAGAIN':
      return `the daemon at ${path} is too busy to take the connection; try again`
    case 'ETIMEDOUT':
      return `the daemon at ${path} did not answer within ${ANSWER_LIMIT_MS / 1000} s`
    case 'ECONNRESET':
    case 'EPIPE':
      return `the daemon at ${path} ended without an answer`
    default:
      return error.code?.startsWith('HPE_')
        ? `what answers at ${path} is no tapvs daemon`
        : `${path}: ${error.message}`
  }
}
