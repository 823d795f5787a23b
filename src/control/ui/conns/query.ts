/** What the page asks of the connection table, as the query of `GET /ui/conns`. */

import * as z from 'zod'
import { HttpError, lineOf } from '../../../api/errors.ts'
import { wholeText } from '../../../api/fields.ts'
import { ALL_STATES, stateNamed } from '../../../api/names.ts'
import { SORTS } from '../../../api/page.ts'
import { MATCH_PROTOCOLS, PROTOCOLS } from '../../../api/protocols.ts'
import { endpointParts, parseIp } from '../../../wire/ip-address.ts'
import type { Endpoint, Wanted } from './view.ts'

/** Rows of an answer. */
export const ROWS_MAX = 1000

export interface ConnQuery {
  wanted: Wanted
  offset: number
  limit: number
}

const AN_ENDPOINT = 'an address, or one with a port, like 192.0.2.1:80 or [2001:db8::1]:80'
const endpoint = z.string(AN_ENDPOINT).transform((text, context): Endpoint => {
  const { host = '', port } = endpointParts(text) ?? {}
  const address = parseIp(host)
  if (address !== undefined && /^\d{1,5}$/.test(port ?? '0'))
    return { address, port: port === undefined ? -1 : Number(port) }
  context.addIssue({ code: 'custom', message: AN_ENDPOINT })
  return z.NEVER
})

const A_STATE = `a state: ${ALL_STATES.join(', ')}`
const state = z.string(A_STATE).transform((name, context) => {
  const found = stateNamed(name)
  if (found !== undefined) return found
  context.addIssue({ code: 'custom', message: A_STATE })
  return z.NEVER
})

const query = z.strictObject({
  search: z.string().max(200, 'at most 200 characters').default(''),
  protocol: z
    .enum(MATCH_PROTOCOLS, MATCH_PROTOCOLS.join(', '))
    .transform(name => PROTOCOLS[name].code as number)
    .default(-1),
  state: state.nullable().default(null),
  rs: endpoint.nullable().default(null),
  client: endpoint.nullable().default(null),
  sort: z.enum(SORTS, SORTS.join(', ')).default('client'),
  order: z.enum(['asc', 'desc'], 'asc or desc').default('asc'),
  offset: wholeText(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: wholeText(1, ROWS_MAX).default(100),
})

/** Throws HttpError in one line. A key without a value is none. */
export function connQuery(params: URLSearchParams): ConnQuery {
  const given = Object.fromEntries([...params].filter(([, value]) => value !== ''))
  const { data, error } = query.safeParse(given)
  const issue = error?.issues[0]
  if (!data) throw new HttpError(400, issue ? lineOf('query', given, issue) : 'a wrong query')
  const { order, offset, limit, ...wanted } = data
  return { wanted: { ...wanted, descending: order === 'desc' }, offset, limit }
}
