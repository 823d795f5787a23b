/** Pings of addresses of the balancer: each is repeated until it is answered, with the bytes that it had. */

import type { Surroundings } from './ask.ts'
import type { Ping } from './mixed-plan.ts'
import { get16, put16 } from './packet.ts'
import { Icmp } from './quote.ts'
import { mix } from './random.ts'
import type { Stack } from './stack.ts'

const HEAD = 8
const AGAIN = 1000
const PATIENCE = 60_000

interface Echo {
  stack: Stack
  bytes: number
  to: number
  isAnswered: boolean
  isBegun: boolean
}

export class Pinger {
  readonly #echoes: Echo[]
  readonly #around: Surroundings

  /** `target`: whom a host asks; `clients`: stacks that are no RS's. */
  constructor(
    pings: readonly Ping[],
    stacks: readonly Stack[],
    target: (ofRs: boolean, host: number) => number,
    clients: number,
    around: Surroundings,
  ) {
    this.#around = around
    this.#echoes = pings.map(({ ofRs, host, bytes }) => {
      const stack = stacks[ofRs ? clients + host : host] as Stack
      return { stack, bytes, to: target(ofRs, host), isAnswered: false, isBegun: false }
    })
    for (const stack of stacks) stack.pong = (from, message) => this.#pong(stack, from, message)
    for (const [i, { at }] of pings.entries()) around.after(at, () => this.#ask(i, 0))
  }

  conclude(): number {
    for (const [i, { isAnswered, isBegun }] of this.#echoes.entries()) {
      if (isBegun && !isAnswered) this.#around.fail('ended', `ping ${i} was not answered`)
    }
    return this.#echoes.length
  }

  #ask(i: number, tries: number): void {
    const echo = this.#echoes[i] as Echo
    const { now, quiet, after } = this.#around
    echo.isBegun = true
    if (echo.isAnswered || now() > quiet + PATIENCE) return
    const message = messageOf(i, tries, echo.bytes)
    message[0] = Icmp.ECHO
    echo.stack.ping(echo.to, message, { key: mix(i, 5) })
    after(AGAIN, () => this.#ask(i, tries + 1))
  }

  #pong(stack: Stack, from: number, message: Uint8Array): void {
    const { fail } = this.#around
    const i = get16(message, 4)
    const echo = this.#echoes[i]
    if (echo?.stack !== stack || echo.to !== from) throw fail('bytes', `an answer to ping ${i}`)
    const right = messageOf(i, get16(message, 6), echo.bytes)
    const isSame =
      right.length === message.length && right.every((b, at) => at < 4 || b === message[at])
    if (!isSame) fail('bytes', `other bytes than those of ping ${i}`)
    echo.isAnswered = true
  }
}

/** Without type and checksum. */
function messageOf(i: number, tries: number, bytes: number): Uint8Array {
  const message = new Uint8Array(HEAD + bytes)
  put16(message, 4, i)
  put16(message, 6, tries)
  for (let at = HEAD; at < message.length; at++) message[at] = mix(i, tries, at)
  return message
}
