/** A connection to a redis-server: commands go out in pipelines, replies are texts in order. */

import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { ANSWER_LIMIT_MS, Wrong } from './plan.ts'

export class Resp {
  readonly #socket: Socket
  #buffer = ''
  #failure: Error | undefined
  #wake = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket.setEncoding('latin1').setNoDelay()
    socket.on('data', (text: string) => {
      this.#buffer += text
      this.#wake()
    })
    const fail = (error: Error) => {
      this.#failure ??= error
      this.#wake()
    }
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('closed')))
  }

  static async open(host: string, port: number): Promise<Resp> {
    const socket = createConnection(port, host)
    const resp = new Resp(socket)
    await once(socket, 'connect', { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }).catch(error => {
      socket.destroy()
      throw error
    })
    return resp
  }

  /** All commands at once. => their replies; an error reply is a wrong one */
  async ask(commands: readonly (readonly string[])[]): Promise<string[]> {
    this.#socket.write(commands.map(framed).join(''), 'latin1')
    const limit = performance.now() + ANSWER_LIMIT_MS
    const replies: string[] = []
    while (replies.length < commands.length) {
      const reply = this.#take()
      if (reply !== undefined) replies.push(reply)
      else if (this.#failure) throw this.#failure
      else if (performance.now() > limit) throw new Error('no answer')
      else await this.#more(limit)
    }
    return replies
  }

  async end(): Promise<void> {
    if (this.#socket.closed) return
    this.#socket.end()
    await once(this.#socket, 'close')
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #more(limit: number): Promise<void> {
    return new Promise(done => {
      const timer = setTimeout(done, limit - performance.now() + 1)
      this.#wake = () => {
        clearTimeout(timer)
        done()
      }
    })
  }

  /** => the next reply, if all of it is there */
  #take(): string | undefined {
    const end = this.#buffer.indexOf('\r\n')
    if (end < 0) return undefined
    const kind = this.#buffer[0]
    const line = this.#buffer.slice(1, end)
    if (kind === '+' || kind === ':') return this.#cut(end + 2, line)
    if (kind !== '$') throw new Wrong(`redis answers ${this.#buffer.slice(0, 80)}`)
    const from = end + 2
    const to = from + Number(line)
    if (Number(line) < 0) return this.#cut(from, '(nil)')
    if (this.#buffer.length < to + 2) return undefined
    return this.#cut(to + 2, this.#buffer.slice(from, to))
  }

  #cut(length: number, reply: string): string {
    this.#buffer = this.#buffer.slice(length)
    return reply
  }
}

function framed(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`
}
