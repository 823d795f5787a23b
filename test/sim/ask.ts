/** Who asks by UDP, and who answers: each datagram has bytes of its own, and says whose it is. */

import type { Entries, Flow } from './entries.ts'
import { endsOf } from './entries.ts'
import type { Datagram } from './ip.ts'
import type { Ask, AskerPlan } from './mixed-plan.ts'
import { get16, get32, put16, put32 } from './packet.ts'
import { Code, Icmp, type Quote } from './quote.ts'
import { mix } from './random.ts'
import type { Port, Stack } from './stack.ts'
import { isAsIs, isDirect, type Way } from './ways.ts'

/** Number of the question, length of the payload, that of the answer. */
const HEAD = 8
/** Numbers of conversations by TCP are below. */
const FIRST = 1 << 20
const ASKS_MOST = 4096
/** ms between two tries, at first and at most, less than any timeout so that what has no UOA comes through (semantics 4.5); and how long it is tried when the network is quiet. */
const AGAIN = 300
const AGAIN_MOST = 2500
const PATIENCE = 120_000
const USUAL_TTL = 64
const HEADERS = 28
const DATAGRAM_MOST = 65_507
/** Said again because a path is narrow, of one question: with the first answer it is over. */
const ERRORS_MOST = 10

/** What they need of the world. */
export interface Surroundings {
  entries: Entries
  way: Way
  /** When networks are quiet. */
  quiet: number
  now: () => number
  after: (ms: number, run: () => void) => void
  fail: (rule: string, what: string) => never
  /** An answer has come to a port that has not asked: may it have been on its way while its entry ended before its time? */
  isStray: () => boolean
}

/** A question on its way. */
export interface Question {
  readonly id: number
  readonly ask: Ask
  readonly flow: Flow
  tries: number
  /** An RS has heard it; and it is over. */
  isHeard: boolean
  isOver: boolean
  isAnswered: boolean
  /** Its last try was refused by whoever has its port, or has nobody for it. */
  isRefused: boolean
  /** By what name its last try was dropped, when it was over. */
  refused: string | undefined
  /** Narrow paths that it has met. */
  errors: number
  over: () => void
}

function fill(payload: Uint8Array, id: number, dir: number): void {
  for (let at = HEAD; at < payload.length; at += 4) {
    const word = mix(id, dir, at)
    for (let i = 0; i < 4 && at + i < payload.length; i++) payload[at + i] = word >>> (i << 3)
  }
}

function payloadOf(id: number, dir: number, bytes: number, answer: number): Uint8Array {
  const payload = new Uint8Array(bytes)
  put32(payload, 0, id)
  put16(payload, 4, bytes)
  put16(payload, 6, answer)
  fill(payload, id, dir)
  return payload
}

/** Throws by `fail` unless the payload is what the question of its number says, in this direction. */
function check(payload: Uint8Array, dir: number, fail: Surroundings['fail']): number {
  const id = payload.length < HEAD ? -1 : get32(payload, 0)
  if (id < 0 || get16(payload, 4) !== payload.length) fail('bytes', `a datagram that is cut: ${id}`)
  const right = payload.slice()
  fill(right, id, dir)
  if (!right.every((byte, i) => byte === payload[i]))
    fail('bytes', `other bytes than those of ${id}`)
  return id
}

export class Asker implements Port {
  readonly questions: Question[] = []
  readonly #plan: AskerPlan
  readonly #stack: Stack
  readonly #around: Surroundings
  readonly #first: number
  readonly #flow: Flow
  #current: Question | undefined

  /** `to`: address and port of whom it asks. */
  constructor(
    index: number,
    plan: AskerPlan,
    to: readonly [number, number],
    stack: Stack,
    around: Surroundings,
  ) {
    this.#plan = plan
    this.#stack = stack
    this.#around = around
    this.#first = FIRST + index * ASKS_MOST
    this.#flow = around.entries.flow(stack.address, plan.port, to)
    this.#begin(0)
  }

  #begin(n: number): void {
    const ask = this.#plan.asks[n]
    if (ask === undefined) return
    this.#around.after(ask.start, () => {
      const question: Question = {
        ...{ id: this.#first + n, ask, flow: this.#flow },
        ...{ tries: 0, isHeard: false, isOver: false, isAnswered: false },
        ...{ isRefused: false, errors: 0, refused: undefined },
        over: () => {
          if (question.isOver) return
          question.isOver = true
          question.refused = question.flow.refused
          if (ask.closes) this.#stack.ports.delete(this.#plan.port)
          this.#begin(n + 1)
        },
      }
      this.#stack.ports.set(this.#plan.port, this)
      this.questions.push(question)
      this.#current = question
      this.#try(question)
    })
  }

  #try(question: Question): void {
    if (question.isOver) return
    const { ask } = question
    const { now, quiet, after } = this.#around
    const isProbe = ask.ttl < USUAL_TTL
    if (question.tries >= (isProbe ? 3 : 1) && now() > quiet + (isProbe ? 0 : PATIENCE)) {
      question.over()
      return
    }
    after(Math.min(AGAIN_MOST, AGAIN * 2 ** question.tries++), () => this.#try(question))
    this.#say(question)
  }

  #say(question: Question): void {
    const { id, ask, flow } = question
    question.isRefused = false
    const most = ask.df ? this.#stack.mtu(flow.to) - HEADERS : DATAGRAM_MOST
    const payload = payloadOf(id, 0, Math.min(ask.bytes, most), ask.answer)
    this.#stack.say(flow.to, [this.#plan.port, flow.vport], payload, ask, { key: id, flow })
  }

  /** An answer, which may be to a question of before. */
  hear({ src, sport, payload }: Datagram): void {
    const { fail } = this.#around
    const id = check(payload, 1, fail)
    const question = this.questions[id - this.#first]
    if (question === undefined && this.#around.isStray()) return
    if (question === undefined) throw fail('bytes', `an answer to ${id} at port ${this.#plan.port}`)
    if (src !== question.flow.to || sport !== question.flow.vport)
      fail('bytes', `an answer of ${src >>> 0}`)
    if (!question.isHeard) fail('bytes', `an answer to ${id}, which nobody has heard`)
    question.isAnswered = true
    question.over()
  }

  /** Who has learned of a narrow path says less at once. */
  error({ type, code }: Quote): void {
    const question = this.#current
    if (question === undefined || question.isOver || type !== Icmp.UNREACHABLE) return
    if (code === Code.PORT) question.isRefused = true
    if (code !== Code.FRAG_NEEDED || !question.ask.df) return
    if (++question.errors <= ERRORS_MOST) this.#say(question)
  }
}

/** What an RS has for a service: it answers at once, or only listens. */
export class Answerer implements Port {
  readonly #stack: Stack
  readonly #port: number
  readonly #vport: number
  readonly #questions: (id: number) => Question | undefined
  readonly #around: Surroundings
  readonly #isOne: boolean

  constructor(
    stack: Stack,
    [port, vport]: readonly [number, number],
    isOne: boolean,
    questions: (id: number) => Question | undefined,
    around: Surroundings,
  ) {
    this.#stack = stack
    this.#port = port
    this.#vport = vport
    this.#isOne = isOne
    this.#questions = questions
    this.#around = around
    stack.ports.set(port, this)
  }

  hear({ src, sport, payload, uoa }: Datagram): void {
    const { fail, way } = this.#around
    // UOA, ahead of a datagram that has no room for it.
    if (payload.length === 0 && uoa >= 0) return
    const question = this.#questions(check(payload, 0, fail))
    if (question === undefined) throw fail('bytes', 'a question that nobody has')
    const { flow, id, ask } = question
    if (flow.vport !== this.#vport) fail('bytes', `${id} came to another service`)
    const client = flow.port * 2 ** 32 + (flow.cip >>> 0)
    if (uoa >= 0 && uoa !== client) fail('uoa', `${id} is said to be of ${uoa}`)
    if (isAsIs(way) && (src !== flow.cip || sport !== flow.port)) {
      fail('client', `${id} comes from port ${sport} of ${src >>> 0}`)
    }
    question.isHeard = true
    if (this.#isOne) {
      question.isAnswered = true
      question.over()
    }
    if (ask.answer === 0) return
    const ends = endsOf(this.#stack.address, this.#port, src, sport)
    // By FullNAT nobody knows whom an answer to a single datagram is for (semantics 4.3).
    const isLost = this.#isOne && way.by === 'fullnat'
    const isNobodys = this.#isOne || isDirect(way)
    const owned = {
      key: id,
      ...(isLost && { expected: 'UDP_NO_SERVICE' }),
      ...(!isNobodys && { flow, ends }),
    }
    const most = ask.df ? this.#stack.mtu(src) - HEADERS : DATAGRAM_MOST
    const answer = payloadOf(id, 1, Math.min(ask.answer, most), 0)
    const how = { sum: ask.sum, df: ask.df, ttl: USUAL_TTL }
    this.#stack.say(src, [this.#port, sport], answer, how, owned)
  }

  error(): void {}
}
