/** The API as a fastify app, made from the tables of operations. It does not listen; server.ts does. */

import type { IncomingMessage } from 'node:http'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type * as z from 'zod'
import type { Answer, Request } from '../../api/commands.ts'
import { HttpError, statusOf } from '../../api/errors.ts'
import type { Operation } from '../../api/operation.ts'
import { Refused } from '../../api/refused.ts'
import type { Journals } from '../journal/journals.ts'
import type { Events } from '../model/events.ts'
import type { HeadOf } from '../recorder/capture-head.ts'
import type { Watching } from '../recorder/watching.ts'
import { agentApi } from './agent/agent.ts'
import { addCapture } from './capture.ts'
import { addJournal } from './journal.ts'
import { type Judged, judged } from './judged.ts'
import { addMoments } from './moments.ts'
import { describeOperation, documentWith } from './openapi.ts'
import { OPERATIONS } from './operations.ts'
import { PacketStreams } from './packets.ts'
import { addEvents } from './sse.ts'

/** A config of ten thousand real servers has about a tenth of it. */
const BODY_BYTES_MAX = 4 << 20

/**
 * Of a body: values in lists and mappings. It is what costs time, some 1.5 µs each; by bytes alone a body of brackets would
 * stop everything for half a second.
 */
const VALUES_MAX = 50_000
/** Of a whole config, sixteen thousand real servers with every key. */
const CONFIG_VALUES_MAX = 200_000
const CONFIG_PATH = /^\/v1\/config\//

/** Answers one request; what it throws is an error too, with a list of `problems` if it has one. */
export type Respond = (request: Request) => Promise<Answer>

/** Requests that came by the control socket. */
export const LOCAL = new WeakSet<IncomingMessage>()

/** Criteria of a match service: four addresses of IPv6 and two arms, written at length. */
const PARAM_MAX = 320

const PARTS: Record<string, string> = { params: 'path', querystring: 'query' }

export interface Api {
  readonly app: FastifyInstance
  /** Makes what `GET /v1/openapi.json` answers. */
  makeDocument(): string
  /** Ends all open streams. */
  endStreams(): Promise<void>
}

export async function buildApp(
  respond: Respond,
  events: Events,
  watching?: Watching,
  journals?: Journals,
  headOf?: HeadOf,
): Promise<Api> {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PARAM_MAX },
  })
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const part = PARTS[httpPart ?? ''] ?? 'body'
    // Its typings know no promise but their own.
    return given => judged(schema as z.ZodType, part, given) as Exclude<Judged, Promise<true>>
  })
  // Answers are the daemon's own values; to check each of a thousand connections would only cost time.
  app.setSerializerCompiler(() => JSON.stringify)
  takeJson(app)
  app.setErrorHandler((error, _request, reply) => sendError(reply, error as Error))
  app.setNotFoundHandler((request, reply) =>
    sendError(
      reply,
      new HttpError(404, `there is no ${request.method} ${request.url}; see /v1/openapi.json`),
    ),
  )
  const makeDocument = await documentWith(app)
  await app.register(async scope => {
    for (const op of OPERATIONS) addOperation(scope, op, respond)
  })
  await app.register(agentApi, { prefix: '/v2', respond })
  const streams: (() => void | Promise<void>)[] = [addEvents(app, events)]
  const packets = new PacketStreams()
  streams.push(() => packets.end())
  addMoments(app, packets, watching)
  addCapture(app, packets, watching, headOf)
  streams.push(addJournal(app, journals))
  await app.ready()
  return {
    app,
    makeDocument,
    async endStreams() {
      await Promise.all(streams.map(end => end()))
    },
  }
}

/** A JSON body, or an empty one, which is none. */
function takeJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined)
    const max = CONFIG_PATH.test(request.url) ? CONFIG_VALUES_MAX : VALUES_MAX
    if (hasMoreValues(body as string, max))
      return done(
        new HttpError(413, `the body has more than ${max} values; send it in parts`),
        undefined,
      )
    void parse(request, body as string, (error, value) =>
      done(error && new HttpError(400, 'the body is no JSON'), value),
    )
  })
}

/** Counts what begins a value, or separates two; what stands in texts counts too. */
function hasMoreValues(json: string, max: number): boolean {
  let values = 0
  for (let i = 0; i < json.length && values <= max; i++) {
    const code = json.charCodeAt(i)
    if (code === 0x2c || code === 0x5b || code === 0x7b) values++
  }
  return values > max
}

function addOperation(app: FastifyInstance, op: Operation, respond: Respond): void {
  app.route({
    method: op.method,
    url: op.path,
    schema: describeOperation(op),
    handler: async ({ params, query, body, raw }, reply) => {
      if (op.local && !LOCAL.has(raw)) throw new HttpError(403, 'only by the control socket')
      const input = {
        params: op.params && params,
        query: op.query && query,
        body: op.body && body,
      }
      const answer = await respond(op.request(input))
      if ('error' in answer) throw Refused.of(answer)
      reply.code(op.status ?? 200)
      if (op.type) reply.type(op.type)
      return reply.send(op.pick ? op.pick(answer.ok, input) : answer.ok)
    },
  })
}

function sendError(reply: FastifyReply, error: Error & { statusCode?: number }): void {
  if (error.statusCode === 413 && !(error instanceof HttpError))
    error.message = `the body has more than ${BODY_BYTES_MAX} bytes`
  if (error.statusCode === 415) error.message = 'a body must have content-type: application/json'
  const line = error.message.replaceAll(/\s*\n\s*/g, ' ')
  if (error instanceof Refused) {
    void reply.code(statusOf(error.kind)).send({ ...error.toJSON(), error: line })
    return
  }
  // A TypeError is a mistake of ours.
  const ours = error instanceof TypeError ? 500 : statusOf('invalid')
  void reply.code((error as HttpError).status ?? error.statusCode ?? ours).send({ error: line })
}
