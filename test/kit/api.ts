/** A server of the API with both listeners, and clients of all manners. */

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { exchange, type Target } from '../../src/client/exchange.ts'
import {
  type ControlServer,
  openServer,
  type Respond,
  type ServerOptions,
} from '../../src/control/http/server.ts'
import { Events } from '../../src/control/model/events.ts'

export function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-server-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'run', 'tapvs.sock')
}

/** Says which request it got. */
export const echo: Respond = async request => ({ ok: request as never })

export const TOKEN = 'correct-horse-battery'

export interface Served {
  path: string
  port: number
  server: ControlServer
  events: Events
  /** The same once more, without TCP, after the server was closed. */
  again(): Promise<void>
}

/** Both listeners. */
export async function serve(
  t: TestContext,
  respond: Respond = echo,
  options: ServerOptions = {},
): Promise<Served> {
  const path = socketPath(t)
  const http = { address: '127.0.0.1', port: 0, token: TOKEN, tokenFile: null }
  const events = new Events()
  const server = await openServer(path, respond, { http, events, ...options })
  t.after(() => server.close())
  const again = async () => {
    const next = await openServer(path, respond)
    t.after(() => next.close())
  }
  return { path, port: server.port as number, server, events, again }
}

export async function connect(t: TestContext, to: string | number): Promise<Socket> {
  const socket = typeof to === 'string' ? createConnection(to) : createConnection(to, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket.setEncoding('utf8')
}

/** Sends `text` as it is, => all that came back until the server ended it */
export async function raw(
  t: TestContext,
  to: string | number,
  text: string | Buffer,
): Promise<string> {
  const socket = await connect(t, to)
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk
  })
  socket.write(text)
  await once(socket, 'close')
  return answer
}

export interface Got {
  status: number
  body: unknown
}

/** Rejects if there is no answer within `limitMs`, which is for what is little work. */
export async function call(
  target: string | Target,
  method: string,
  path: string,
  body?: string,
  limitMs = 5000,
): Promise<Got> {
  const where = typeof target === 'string' ? { socket: target } : target
  const { status, text } = await exchange(where, { method, path, body }, limitMs)
  return { status, body: JSON.parse(text) }
}

export const ping = (path: string) => call(path, 'GET', '/v1/ping')
export const PONG = { status: 200, body: { verb: 'ping' } }
export const HEAD = 'host: tapvs\r\n'

const ACL_ROWS =
  'Put+201 Put+200 Put-461 Put?460 +200 ?404 Post+200 Post-461 Post?460 Delete+200 Delete+461 Delete?404'

/** Calls for a list of dpvs-agent: with a prefix (+), with none (-), of no service (?). */
export function agentAclRows(list: string, service: object, none: object) {
  return ACL_ROWS.split(' ').map((row): [id: string, args: object, status: number] => {
    const [verb = '', status] = row.split(/[-+?]/)
    const Items = [{ addr: row.includes('-') ? 'x' : '10.0.0.0/8' }]
    const args = { ...(row.includes('?') ? none : service), ...(verb && { body: { Items } }) }
    return [`agent${verb}${list}`, args, Number(status)]
  })
}
