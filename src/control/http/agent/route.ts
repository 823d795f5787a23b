/** What a path of dpvs-agent's API is, and what its handlers have in common. */

import type * as z from 'zod'
import type { Answer, Request, ServiceInfo, VerbName, Verbs } from '../../../api/commands.ts'
import { type Edit, isService, type ServiceKey, serviceName } from '../../../api/edits.ts'
import { canonicalMatch } from '../../../api/match.ts'
import { isPlain, MATCH_PROTOCOLS, protocolNamed } from '../../../api/protocols.ts'
import type { Method } from '../../../api/verbs.ts'
import { allOf } from '../../../api/words.ts'
import { canonicalIp, isIp } from '../../../wire/ip-address.ts'
import { errorText } from './shapes.ts'
import type { Told } from './told.ts'

export { errorText }

/** What is wrong with the service in the path (frontend), and with the real servers behind it (backend). */
export const BAD_FRONTEND = 460
export const BAD_BACKEND = 461
export const STALE = 270

/** A failure with one of the agent's own statuses. */
export class AgentError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'AgentError'
    this.status = status
  }
}

/** What handlers work with. */
export interface Control {
  respond(request: Request): Promise<Answer>
  told: Told
}

export interface Call<B> {
  control: Control
  params: { VipPort: string; name: string }
  query: Record<string, string | undefined>
  body: B
}

export interface AgentRoute<S extends z.ZodType = z.ZodType> {
  id: string
  method: Method
  /** Behind /v2. */
  path: string
  summary: string
  /** Keys of the query that mean something here. */
  flags?: string[]
  body?: S
  /** By status, what is answered; null without a body. */
  answers: Record<number, z.ZodType | null>
  /** The status of a body that is wrong. */
  wrong?: number
  handle(call: Call<z.output<S>>): Promise<{ status: number; body?: unknown }>
}

/** Lets the schema of the body type the handler. */
export function route<S extends z.ZodType>(route: AgentRoute<S>): AgentRoute {
  return route as unknown as AgentRoute
}

export const done = { status: 200, body: 'Success' }
export const created = { status: 201, body: 'Created' }

/** The answer of a verb; `wrong` is the status of its error. */
export async function ask<V extends VerbName>(
  { respond }: Control,
  request: Request<V>,
  wrong = 500,
): Promise<Verbs[V]['answer']> {
  let answer: Answer
  try {
    answer = await respond(request)
  } catch (error) {
    throw new AgentError(wrong, (error as Error).message)
  }
  if ('error' in answer) throw new AgentError(wrong, answer.error)
  return answer.ok as Verbs[V]['answer']
}

/** Carries out all of `edits`, if there are any. */
export async function edit(control: Control, edits: Edit[], wrong: number): Promise<void> {
  if (edits.length > 0) await ask(control, { verb: 'edit', edits }, wrong)
}

/** `202.108.10.1-6379-tcp`, or `from=192.0.2.2,oif=ext0-0-tcp` */
export function keyOf(vipPort: string, wrong: number): ServiceKey {
  const [, address = '', port, protocol] = /^(.+)-(\d{1,5})-([a-z]+)$/i.exec(vipPort) ?? []
  const criteria = canonicalMatch(address)
  // Of a match service the port is 0, whether its criteria stand here or in the body.
  const isOne = criteria === undefined ? isIp(address) && Number(port) <= 65_535 : port === '0'
  if (!isOne)
    throw new AgentError(wrong, `${vipPort} is no service: expected VIP-port-tcp or VIP-port-udp`)
  const known = protocolNamed(protocol ?? '', MATCH_PROTOCOLS)
  if (known === undefined)
    throw new AgentError(wrong, `${vipPort}: there is no protocol but ${allOf(MATCH_PROTOCOLS)}`)
  if (!isPlain(known) && port !== '0')
    throw new AgentError(wrong, `${vipPort}: ${known} is of services with a Match, of port 0`)
  return { protocol: known, address: criteria ?? canonicalIp(address), port: Number(port) }
}

export async function find(control: Control, key: ServiceKey): Promise<ServiceInfo | undefined> {
  const services = await ask(control, { verb: 'services' })
  return services.find(service => isService(service, key))
}

/** The service in the path; `missing` is the status if there is none. */
export async function serviceOf<B>(
  { control, params }: Call<B>,
  missing = 404,
): Promise<ServiceInfo> {
  const key = keyOf(params.VipPort, missing)
  const service = await find(control, key)
  if (!service) throw new AgentError(missing, `no service ${serviceName(key)}`)
  return service
}
