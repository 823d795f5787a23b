/** The OpenAPI document, made from the same schemas that requests are checked by. */

import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { OpenAPIV3_1 } from 'openapi-types'
import * as z from 'zod'
import { errorSchema } from '../../api/errors.ts'
import type { Operation } from '../../api/operation.ts'
import { release } from '../system/version.ts'

type Document = OpenAPIV3_1.Document

const ABOUT = `Everything that the command line of tapvs can do, over HTTP: on the control socket (a UNIX socket whose file \
mode says who may), and on a loopback port with a bearer token if \`control.http\` is configured. Changes act at once \
and on the running state only; established connections stay.`

const TAGS = {
  daemon: 'The daemon itself',
  services: 'Services, their real servers and their LIPs',
  connections: 'The connection table',
  network: 'Arms, addresses, routes, neighbours',
  statistics: 'Counters',
  packets: 'What the flight recorder sees; docs/capture.md and docs/replay.md',
  'dpvs-agent': 'The API v2 of dpvs-agent, for controllers that know it; errors are texts',
  config: 'The running state as a config file holds it',
}

const FAILURES: Record<number, string> = {
  400: 'Wrong input',
  401: 'No token, or a wrong one (TCP only)',
  404: 'There is no such object',
  409: 'It exists already',
  413: 'A body that is too long, or has too many values',
  415: 'A body that is not `application/json`',
  422: 'A config with mistakes; `problems` has a line for each',
  503: 'A packet thread does not answer, or too many connections or streams',
}

/** Bytes that JSON has no words for. */
export const binary = z.string().meta({ format: 'binary' })

/** Called before the routes that it is to describe. => makes it once they are there: 70 ms, for which no request should wait */
export async function documentWith(app: FastifyInstance): Promise<() => string> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'tapvs', version: release, description: ABOUT, license: { name: 'MIT' } },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }, {}],
    },
    transform: jsonSchemaTransform,
    transformObject: source => tidy(jsonSchemaTransformObject(source) as Document),
  })
  let made: string | undefined
  const text = () => {
    made ??= documentText(app)
    return made
  }
  app.get('/v1/openapi.json', { schema: { hide: true } as FastifySchema }, (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(text()),
  )
  return text
}

export function documentText(app: FastifyInstance): string {
  return `${JSON.stringify(app.swagger(), null, 2)}\n`
}

/**
 * Every named schema is there twice, as input and as output. What nothing refers to goes, and an input without its
 * output takes the plain name. Neither are the bounds of all integers worth saying.
 */
function tidy(document: Document): Document {
  const all: Record<string, unknown> = document.components?.schemas ?? {}
  const used = new Set<string>()
  const visit = (part: unknown) => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name)) continue
      used.add(name)
      visit(all[name])
    }
  }
  visit(document.paths)
  const plain = new Map(
    [...used].map(name => {
      const short = name.replace(/Input$/, '')
      return [name, used.has(short) ? name : short]
    }),
  )
  const schemas = Object.fromEntries(
    [...used].sort().map(name => [plain.get(name) as string, all[name]]),
  )
  const whole = { ...document, components: { ...document.components, schemas } }
  return JSON.parse(JSON.stringify(whole), (key, value) => {
    const isBound = key === 'maximum' || key === 'minimum'
    if (isBound && Math.abs(value) === Number.MAX_SAFE_INTEGER) return undefined
    if (key !== '$ref') return value
    return value.replace(/\w+$/, (name: string) => plain.get(name) ?? name)
  })
}

/** The route's schema for fastify, which checks by it, and for the document. */
export function describeOperation(op: Operation): FastifySchema {
  const takesBody = op.method !== 'GET' && op.method !== 'DELETE'
  const isChecked = takesBody || op.params || op.query
  const refuses = [
    ...(isChecked ? [400] : []),
    ...(op.refuses ?? []),
    ...(takesBody ? [413, 415] : []),
  ]
  return {
    operationId: op.id,
    tags: [op.tag],
    summary: op.summary,
    ...(op.params && { params: op.params }),
    ...(op.query && { querystring: op.query }),
    ...(op.body && { body: op.body }),
    response: {
      [op.status ?? 200]: body('Done', op.answer, op.type?.split(';')[0]),
      ...failures(refuses),
    },
  } as FastifySchema
}

/** An answer that comes bit by bit. */
export interface StreamOperation {
  id: string
  tag: string
  summary: string
  description: string
  query?: z.ZodType
  headers?: z.ZodType
  type: string
  answer: z.ZodType
}

export function describeStream(op: StreamOperation): FastifySchema {
  return {
    operationId: op.id,
    tags: [op.tag],
    summary: op.summary,
    description: op.description,
    ...(op.query && { querystring: op.query }),
    ...(op.headers && { headers: op.headers }),
    response: { 200: body('The stream', op.answer, op.type), ...failures(op.query ? [400] : []) },
  } as FastifySchema
}

/** Those of `statuses`, and what the listeners themselves answer. */
export function failures(statuses: readonly number[]): Record<number, object> {
  return Object.fromEntries(
    [...statuses, 401, 503].map(status => [status, body(FAILURES[status] ?? '', errorSchema)]),
  )
}

function body(description: string, schema: z.ZodType, type = 'application/json') {
  return { description, content: { [type]: { schema } } }
}
