/**
 * The page with a made-up daemon behind it, for work on the page alone:
 *
 *   npx vite --config ui/dev/vite.config.ts
 *   SERVICES=1000 npx vite --config ui/dev/vite.config.ts
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { defineConfig, mergeConfig, type Plugin } from 'vite'
import page from '../vite.config.ts'
import { conns } from './fake-conns.ts'
import { followMoments } from './fake-moments.ts'
import { live, series } from './fake-numbers.ts'
import { services } from './fake-services.ts'

function json(response: ServerResponse, value: object): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(value))
}

/** => sends an event */
function stream(response: ServerResponse): (event: string, data: unknown) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  return (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

function fakeDaemon(): Plugin {
  return {
    name: 'fake-daemon',
    configureServer({ middlewares }) {
      middlewares.use('/ui/live', (_: IncomingMessage, response: ServerResponse) => {
        const send = stream(response)
        const timer = setInterval(() => send('live', live()), 1000)
        send('live', live())
        response.on('close', () => clearInterval(timer))
      })
      middlewares.use('/ui/series', (_: IncomingMessage, response: ServerResponse) =>
        json(response, series()),
      )
      middlewares.use('/v1/services', (_: IncomingMessage, response: ServerResponse) =>
        json(response, services()),
      )
      middlewares.use('/ui/conns', (request: IncomingMessage, response: ServerResponse) =>
        json(response, conns(new URL(request.url ?? '', 'http://page').searchParams)),
      )
      middlewares.use('/ui/moments', (_: IncomingMessage, response: ServerResponse) => {
        response.on('close', followMoments(stream(response)))
      })
    },
  }
}

export default mergeConfig(page, defineConfig({ plugins: [fakeDaemon()] }))
