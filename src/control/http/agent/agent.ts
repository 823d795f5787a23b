/**
 * The API of dpvs-agent, under /v2, so that controllers and health checkers made for it work here. Its JSON names and
 * statuses are its own; an error is a JSON text.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import * as z from 'zod'
import { HttpError } from '../../../api/errors.ts'
import { failures } from '../openapi.ts'
import { ACL_ROUTES } from './acls.ts'
import { DEVICE_ROUTES } from './devices.ts'
import { IPSET_ROUTES } from './ipsets.ts'
import type { AgentRoute, Call, Control } from './route.ts'
import { SERVER_ROUTES } from './servers.ts'
import { SERVICE_ROUTES } from './services.ts'
import { Told } from './told.ts'

const TAG = 'dpvs-agent'

/** What dpvs-agent has and there is no such thing here; controllers that need it should hear so. */
const ABSENT: [path: string, why: string][] = [
  ['/device/:name/vlan', 'VLANs are in the config, and come and go by a restart'],
  ['/device/:name/netlink', 'devices of the kernel are its own: ip link changes them'],
  ['/device/:name/netlink/addr', 'devices of the kernel are its own: ip addr changes them'],
]
const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'] as const

const ROUTES = [
  ...[...SERVICE_ROUTES, ...ACL_ROUTES, ...SERVER_ROUTES],
  ...[...IPSET_ROUTES, ...DEVICE_ROUTES],
]

const MEANINGS: Record<number, string> = {
  200: 'Done, or it was so already',
  201: 'Created',
  204: 'There are none',
  270: 'That version is not the current one: nothing is done, this is the current service',
  400: 'What is asked for is wrong',
  404: 'There is no such object',
  460: 'The service is wrong',
  461: 'What is to be behind it is wrong',
  500: 'It failed',
}

/** A plugin. */
export async function agentApi(
  app: FastifyInstance,
  { respond }: Pick<Control, 'respond'>,
): Promise<void> {
  const control: Control = { respond, told: new Told() }
  // curl and many scripts name no content type, and mean JSON.
  const json = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined)
    void json(request, body as string, (error, value) =>
      done(error && new HttpError(400, 'the body is no JSON'), value),
    )
  })
  app.setErrorHandler((error, request, reply) => sendError(error as Error, request, reply))
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.path,
      config: { wrong: route.wrong },
      schema: describe(route),
      async handler({ params, query, body }, reply) {
        const call = { control, params, query, body } as Call<unknown>
        const answer = await route.handle(call)
        reply.code(answer.status)
        return answer.body === undefined ? reply.send() : send(reply, answer.body)
      },
    })
  }
  for (const [url, why] of ABSENT) {
    const schema = { hide: true } as FastifySchema
    const method = METHODS.filter(
      one => !ROUTES.some(({ path, method }) => path === url && method === one),
    )
    app.route({ method, url, schema, handler: (_, reply) => send(reply.code(501), why) })
  }
}

/** Texts are JSON too. */
function send(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}

function sendError(
  error: Error & { status?: number; statusCode?: number },
  { routeOptions }: FastifyRequest,
  reply: FastifyReply,
): void {
  const { wrong } = routeOptions.config as { wrong?: number }
  const own = error.status ?? error.statusCode ?? 500
  // What the schemas refused, or was no JSON at all.
  const status = error.name === 'HttpError' ? (wrong ?? own) : own
  void send(reply.code(status), error.message.replaceAll(/\s*\n\s*/g, ' '))
}

function describe(route: AgentRoute): FastifySchema {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name as string)
  const texts = (keys: string[]) => Object.fromEntries(keys.map(key => [key, z.string()]))
  const response = Object.entries(route.answers).map(([status, schema]) => {
    const description = MEANINGS[Number(status)] ?? ''
    if (!schema) return [status, z.null().describe(description)]
    return [status, { description, content: { 'application/json': { schema } } }]
  })
  return {
    operationId: route.id,
    tags: [TAG],
    summary: route.summary,
    params: z.object(texts(names)),
    querystring: z.looseObject(
      Object.fromEntries((route.flags ?? []).map(flag => [flag, z.string().optional()])),
    ),
    ...(route.body && { body: route.body }),
    response: { ...Object.fromEntries(response), ...failures([]) },
  } as FastifySchema
}
