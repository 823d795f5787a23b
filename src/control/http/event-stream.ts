/**
 * One stream of server-sent events (the HTML standard, 9.2) to one client. Nobody waits for a client that does not read;
 * who writes asks `unread` and decides whether the client is left out for once or cut off.
 */

import type { ServerResponse } from 'node:http'
import { HEARTBEAT_MS } from '../../api/limits.ts'

export class EventStream {
  readonly #response: ServerResponse

  /** `closed` is called once, whichever side ended it. */
  constructor(response: ServerResponse, closed: () => void) {
    this.#response = response
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    // A stream may be silent; the heartbeat tells who is gone.
    response.socket?.setTimeout(0)
    const heartbeat = setInterval(() => this.write(':\n\n'), HEARTBEAT_MS)
    response.on('error', () => {})
    response.once('close', () => {
      clearInterval(heartbeat)
      closed()
    })
    // Right away, so that the client knows that it hears.
    this.write(':\n\n')
  }

  /** Bytes that are held for the client, beyond what the kernel holds. */
  get unread(): number {
    return this.#response.writableLength
  }

  /** Whole events, with their empty lines. */
  write(text: string): void {
    this.#response.write(text)
  }

  /** `data` has no line break. */
  send(event: string, data: string): void {
    this.write(`event: ${event}\ndata: ${data}\n\n`)
  }

  end(): void {
    this.#response.end()
  }

  cutOff(): void {
    this.#response.destroy()
  }
}
