/** One check of one real server: connect, perhaps ask, judge. It passes, or fails with a reason of a few words. */

import type { ConfigCheck } from '../../config/check-keys.ts'
import type { Attempt, Probe, Target } from './attempt.ts'
import { probeDns, probeUdp } from './datagrams.ts'
import { dial } from './dial.ts'
import { seconds } from './health.ts'
import { probeHttp } from './http.ts'
import { probeRedis } from './redis.ts'
import { probeScript } from './script.ts'

const PROBES: Record<ConfigCheck['type'], Probe> = {
  none: async () => {},
  tcp: async attempt => {
    const socket = await dial(attempt)
    socket.destroy()
  },
  http: probeHttp,
  https: probeHttp,
  redis: probeRedis,
  script: probeScript,
  dns: probeDns,
  udp: probeUdp,
}

/** Checks once, and is done after the check's timeout in any case. => undefined if it passed, or the reason in one line */
export async function probe(target: Target, check: ConfigCheck): Promise<string | undefined> {
  const aborter = new AbortController()
  const attempt: Attempt = { ...target, check, signal: aborter.signal, step: 'connect' }
  const limitMs = check.timeout * 1000
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(
      () => fail(new Error(`${attempt.step} timed out after ${seconds(limitMs)}`)),
      limitMs,
    )
  })
  try {
    await Promise.race([PROBES[check.type](attempt), late])
    return undefined
  } catch (error) {
    return reasonOf(error as NodeJS.ErrnoException)
  } finally {
    clearTimeout(timer)
    aborter.abort()
  }
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connect timed out',
}

/** What a server says is quoted, but not for ever and not over several lines. */
const REASON_MAX = 160

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  const text = (WORDS[code ?? ''] ?? message).replace(/[^\x21-\x7e]+/g, ' ').trim()
  return text.length > REASON_MAX ? `${text.slice(0, REASON_MAX)}...` : text
}
