/** The page's server on a free port, and requests to it as a browser makes them. */

import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { LINK_UP } from '../../src/api/link-state.ts'
import type { ConfigUi } from '../../src/config/listeners.ts'
import { openServer } from '../../src/control/http/server.ts'
import type { Watching } from '../../src/control/recorder/watching.ts'
import type { Workers } from '../../src/control/threads/workers.ts'
import type { PageFile } from '../../src/control/ui/files.ts'
import { Ui } from '../../src/control/ui/ui.ts'
import { socketPath, TOKEN } from './api.ts'
import { type Control, modelControl } from './control.ts'

export const ARMS = { state: () => LINK_UP, queues: () => 1 } as unknown as Workers['arms']
/** No connection. */
const WORKERS: Pick<Workers, 'pages' | 'arms'> = { arms: ARMS, pages: async () => {} }

const text = (type: string, cache: string, body: string): PageFile => ({
  ...{ type, cache, bytes: Buffer.from(body) },
  gzip: Buffer.from(body),
})
export const FILES = new Map([
  ['/', text('text/html; charset=utf-8', 'no-store', '<html>')],
  ['/assets/a-1.js', text('text/javascript; charset=utf-8', 'public, immutable', 'a')],
])

export interface UiServed {
  port: number
  ui: Ui
  control: Control
}

export async function serveUi(
  t: TestContext,
  {
    config = {},
    files = FILES,
    workers = WORKERS,
    control = modelControl(),
    follow = () => () => {},
  } = {} as {
    config?: Partial<ConfigUi>
    files?: ReadonlyMap<string, PageFile>
    workers?: Pick<Workers, 'pages' | 'arms'>
    control?: Control
    follow?: Watching['follow']
  },
): Promise<UiServed> {
  const watching = { follow }
  const sources = { model: control.model, workers, watching }
  const ui = new Ui(
    { port: 0, scope: 'view', token: TOKEN, tokenFile: null, ...config },
    sources,
    files,
  )
  t.after(() => ui.stop())
  const server = await openServer(socketPath(t), control.respond, { ui: ui.listener })
  t.after(() => server.close())
  return { port: server.uiPort as number, ui, control }
}

export interface UiReply {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** With the bearer token, unless `headers` say otherwise; undefined takes a header away. */
export function get(
  port: number,
  path: string,
  headers: Record<string, string | undefined> = {},
  method = 'GET',
): Promise<UiReply> {
  const all = { authorization: `Bearer ${TOKEN}`, ...headers }
  const given = Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  )
  return new Promise((done, fail) => {
    const options = { host: '127.0.0.1', port, path, method, headers: given, agent: false as const }
    const asked = request(options, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.once('end', () =>
        done({ status: response.statusCode ?? 0, headers: response.headers, body }),
      )
    })
    asked.once('error', fail)
    asked.end()
  })
}
