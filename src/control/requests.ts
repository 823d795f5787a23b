/** The check of a request line before anybody acts on it. */

import * as z from 'zod'
import { LOG_LEVELS, type LogLevel, type Request, type VerbName } from './commands.ts'
import { editSchema, serviceKey } from './edit-schema.ts'
import { MODULES, type Module } from './log-levels.ts'

/** A page of connections is copied between two bursts of packets, so it must be short. */
const PAGE_MAX = 1000

type Check = (argument: unknown) => string | undefined

const index: Check = value =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'a whole number from 0 on'
const pageLength: Check = value =>
  Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= PAGE_MAX
    ? undefined
    : `a whole number 1-${PAGE_MAX}`
const optionalLevel: Check = value =>
  value === undefined || LOG_LEVELS.includes(value as LogLevel) ? undefined : LOG_LEVELS.join(', ')

const optionalModule: Check = value =>
  value === undefined || MODULES.includes(value as Module) ? undefined : MODULES.join(', ')
const optionalFlag: Check = value =>
  value === undefined || typeof value === 'boolean' ? undefined : 'true or false'
const anObject: Check = value =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'an object'
const edits: Check = value => {
  const parsed = z.array(editSchema).safeParse(value)
  if (parsed.success) return undefined
  const [issue] = parsed.error.issues
  return `a list of edits (at ${issue?.path.join('.')}: ${issue?.message})`
}
const optionalService: Check = value =>
  value === undefined || serviceKey.safeParse(value).success
    ? undefined
    : 'a service: protocol, address, port'

/** Verbs, and what must hold of their arguments. */
const VERBS: Record<VerbName, Record<string, Check>> = {
  services: {},
  conns: { from: index, limit: pageLength },
  addresses: {},
  neighbours: {},
  counters: {},
  numbers: {},
  routes: {},
  config: {},
  edit: { edits, dry_run: optionalFlag },
  apply: { config: anObject, dry_run: optionalFlag },
  reload: {},
  zero: { service: optionalService },
  timeouts: {},
  log: { level: optionalLevel, module: optionalModule, reopen: optionalFlag },
  ping: {},
}

/** Throws an Error in one line that says what is wrong with `text`. */
export function checkRequest(text: string): Request {
  let request: unknown
  try {
    request = JSON.parse(text)
  } catch {
    throw new Error('a request is one line of JSON')
  }
  const verb = (request as { verb?: unknown } | null)?.verb
  if (typeof verb !== 'string') throw new Error('a request is an object with a verb')
  if (!Object.hasOwn(VERBS, verb)) {
    throw new Error(
      `unknown verb ${JSON.stringify(verb)}; there are ${Object.keys(VERBS).join(', ')}`,
    )
  }
  const checks = VERBS[verb as VerbName]
  const given = request as Record<string, unknown>
  for (const [name, check] of Object.entries(checks)) {
    const expected = check(given[name])
    if (expected) throw new Error(`${verb}: ${name} must be ${expected}`)
  }
  for (const name of Object.keys(given)) {
    if (name !== 'verb' && !Object.hasOwn(checks, name)) {
      throw new Error(`${verb}: unknown argument ${JSON.stringify(name)}`)
    }
  }
  return request as Request
}
