/**
 * Where each verb of the control lives in the HTTP API. It is a file of its own without any library, because the command
 * line needs it and nothing else of the API; verb-table.ts has the rest of each verb.
 */

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Requests of a verb go to `path` by `method`: the arguments of a GET in the query, all others as a JSON body. */
export interface VerbRoute {
  method: Method
  path: string
}

export const VERB_ROUTES = {
  ping: { method: 'GET', path: '/v1/ping' },
  ui: { method: 'GET', path: '/v1/ui' },
  upgrade: { method: 'GET', path: '/v1/upgrade' },
  'begin-upgrade': { method: 'POST', path: '/v1/upgrade' },
  services: { method: 'GET', path: '/v1/services' },
  acl: { method: 'GET', path: '/v1/acl' },
  ipsets: { method: 'GET', path: '/v1/ipsets' },
  ipset: { method: 'GET', path: '/v1/ipset' },
  conns: { method: 'GET', path: '/v1/conns' },
  whois: { method: 'GET', path: '/v1/whois' },
  numbers: { method: 'GET', path: '/v1/numbers' },
  zero: { method: 'POST', path: '/v1/stats/zero' },
  cut: { method: 'POST', path: '/v1/cut' },
  routes: { method: 'GET', path: '/v1/routes' },
  timeouts: { method: 'GET', path: '/v1/timeouts' },
  config: { method: 'GET', path: '/v1/config' },
  apply: { method: 'POST', path: '/v1/config/apply' },
  reload: { method: 'POST', path: '/v1/config/reload' },
  edit: { method: 'POST', path: '/v1/edits' },
  addresses: { method: 'GET', path: '/v1/addresses' },
  neighbours: { method: 'GET', path: '/v1/neighbours' },
  counters: { method: 'GET', path: '/v1/counters' },
  edges: { method: 'GET', path: '/v1/edges' },
  drops: { method: 'GET', path: '/v1/drops' },
  log: { method: 'GET', path: '/v1/log' },
  'set-log': { method: 'PUT', path: '/v1/log' },
  recorder: { method: 'GET', path: '/v1/recorder' },
  'set-recorder': { method: 'PUT', path: '/v1/recorder' },
  reopen: { method: 'POST', path: '/v1/log/reopen' },
} as const satisfies Record<string, VerbRoute>

export type VerbName = keyof typeof VERB_ROUTES

export interface HttpRequest {
  method: Method
  /** With its query. */
  path: string
  /** What the body is to be as JSON; none if it is undefined. */
  body?: object
}

/** Of a request of commands.ts. */
export function httpOf({ verb, ...args }: { verb: VerbName }): HttpRequest {
  const { method, path } = VERB_ROUTES[verb]
  if (method !== 'GET') return { method, path, body: args }
  const query = queryOf(args)
  return { method, path: path + query }
}

/** `?a=1&b=2`, without what is undefined; empty if nothing is left. */
export function queryOf(args: Record<string, unknown>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(args)) {
    if (value !== undefined) query.append(name, String(value))
  }
  return query.size === 0 ? '' : `?${query}`
}
