/** The HTTP API: every operation with other arguments, at the daemon's own answers, without sockets. */

import type { InjectOptions } from 'fastify'
import { buildApp } from '../../../src/control/http/app.ts'
import { Events } from '../../../src/control/model/events.ts'
import { modelControl } from '../../kit/control.ts'
import { CALLS } from '../../kit/document.ts'
import { type Document, DocumentClient } from '../../kit/document-client.ts'
import { mutateJson } from './mutations.ts'
import { Fault, type Target } from './target.ts'

interface Call {
  id: string
  /** Of path and query, and `body`. */
  args: Record<string, unknown>
}

/** What the request's own line or body is refused with, before any operation hears of it. */
const ANYWHERE = [400, 404, 413, 414]

export async function requestTarget(): Promise<Target<Call>> {
  const control = modelControl()
  const { app, makeDocument } = await buildApp(control.respond, new Events())
  const client = new DocumentClient(JSON.parse(makeDocument()) as Document)
  const optionsOf = ({ id, args: { body, ...given } }: Call): InjectOptions => {
    const { method = 'GET', path = '', parameters = [] } = client.operations.get(id) ?? {}
    let url = path
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(given)) {
      const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
      const isPath = parameters.some(one => one.in === 'path' && one.name === name)
      if (isPath)
        url = url.replace(`{${name}}`, encodeURIComponent(text.replaceAll(/[\ud800-\udfff]/g, '?')))
      else query.append(name, text)
    }
    const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const words = query.size > 0 ? `?${query}` : ''
    return { method: method as 'GET', url: `${url}${words}`, headers, ...payload }
  }
  return {
    name: 'api',
    seeds: CALLS.map(([id, args]) => ({ id, args })),
    mutate: (chance, { id, args }, other) => ({
      id,
      args: { ...(mutateJson(chance, args, other.args) as Call['args']) },
    }),
    async read(call) {
      const { statusCode, payload } = await app.inject(optionsOf(call))
      if (statusCode >= 500) {
        // dpvs-agent answers so what a device refuses.
        const foreseen = client.operations.get(call.id)?.responses[statusCode]
        if (!call.id.startsWith('agent') || foreseen === undefined)
          throw new Fault(`${statusCode} ${payload}`)
      }
      const status = statusCode
      if (!ANYWHERE.includes(status)) client.judge(call.id, { status, text: payload } as never)
      if (status >= 400 && /[\n\r]/.test(JSON.parse(payload).error ?? ''))
        throw new Fault(`an error in several lines: ${payload}`)
    },
    isRefusal: () => false,
    files: /\/src\/(control|config|api)\//,
    limitMs: 4000,
    show: call => `${JSON.stringify(call)}, ${JSON.stringify(optionsOf(call))}`,
  }
}
