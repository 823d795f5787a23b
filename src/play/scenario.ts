/**
 * A scenario: what happens between clients and real servers, and how the balancer between is set up. A plain value that a link
 * carries, so it is checked before it is believed, and every mistake is told in words.
 */

import { z } from 'zod'
import { nearest } from '../see/text/nearest.ts'
import { type Choice, FIELDS, type Field, KEYS, type Key, type List } from './fields.ts'

type ValueOf<F> =
  F extends Choice<infer W>
    ? W
    : F extends List
      ? readonly string[]
      : F extends Field
        ? number
        : never

export type Scenario = { readonly [K in Key]: ValueOf<(typeof FIELDS)[K]> }

/** Of the form of links; another one is refused. */
export const VERSION = 1
/** Characters of a link that are read at all. */
export const LINK_MOST = 2000

export const DEFAULTS = Object.fromEntries(
  KEYS.map(key => [key, FIELDS[key].otherwise]),
) as unknown as Scenario

function schemaOf(field: Field) {
  if (field.kind === 'choice') return z.enum(field.words as [string, ...string[]])
  if (field.kind === 'whole') return z.int().min(field.min).max(field.max)
  return z.array(z.string().regex(field.item)).min(field.min).max(field.max).readonly()
}

const SCHEMA = z
  .strictObject(Object.fromEntries(KEYS.map(key => [key, schemaOf(FIELDS[key])])))
  .refine(({ worker, workers }) => Number(worker) <= Number(workers), { path: ['worker'] })

/** A line for each mistake. */
export class BadScenario extends Error {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

/** What is left out is as usual; `also` is wrong with it as well. Throws BadScenario. */
export function scenarioOf(given: Partial<Record<Key, unknown>>, also: string[] = []): Scenario {
  const found = SCHEMA.safeParse({ ...DEFAULTS, ...given })
  if (found.success && also.length === 0) return found.data as unknown as Scenario
  const keys = (found.error?.issues ?? []).map(({ path: [key] }) => String(key)).filter(isKey)
  const unknown = Object.keys(given).filter(key => !isKey(key))
  throw new BadScenario([...[...new Set(keys)].map(mistakeAt), ...unknown.map(unknownKey), ...also])
}

function unknownKey(key: string): string {
  const other = nearest(key, KEYS)
  return `${shown(key)} is nothing that can be chosen${other ? `; did you mean ${other}?` : ''}`
}

function mistakeAt(key: Key): string {
  const field: Field = FIELDS[key]
  if (field.kind === 'choice') return `${key} is one of ${field.words.join(', ')}`
  if (field.kind === 'list') return `${key} takes ${field.min} to ${field.max} of: ${field.like}`
  const more = key === 'worker' ? ', and not more than workers' : ''
  return `${key} is a whole number from ${field.min} to ${field.max}${more}`
}

/** What strangers wrote, cut short. */
function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}

/** The part of a link behind `#`: what differs from the usual, readable. */
export function linkOf(scenario: Scenario): string {
  const parts = KEYS.flatMap(key => {
    const text = textOf(scenario[key])
    return text === textOf(DEFAULTS[key]) ? [] : [`${key}=${encodeURIComponent(text)}`]
  })
  return [`v=${VERSION}`, ...parts].join('&')
}

/** Words of a list with a blank between. */
export function textOf(value: Scenario[Key]): string {
  return typeof value === 'object' ? value.join(' ') : String(value)
}

/** A field's value as somebody has written it; what cannot be one stays text, and is refused as that. */
export function readValue(key: Key, text: string): unknown {
  const field: Field = FIELDS[key]
  if (field.kind === 'list') return text.split(/[\s,]+/).filter(word => word !== '')
  return field.kind === 'whole' && /^\d{1,10}$/.test(text.trim()) ? Number(text) : text
}

/** Throws BadScenario. */
export function ofLink(link: string): Scenario {
  const text = link.replace(/^#/, '')
  if (text === '') return DEFAULTS
  if (text.length > LINK_MOST)
    throw new BadScenario([`the link has ${text.length} characters, more than ${LINK_MOST}`])
  const given = new Map<string, unknown>()
  const unknown: string[] = []
  let version: string | undefined
  for (const part of text.split('&')) {
    const [key = '', value = ''] = part.split(/=(.*)/s)
    if (key === 'v') version = value
    else if (given.has(key)) throw new BadScenario([`${shown(key)} is there twice`])
    else if (isKey(key)) given.set(key, readValue(key, decoded(value)))
    else unknown.push(unknownKey(key))
  }
  if (version !== String(VERSION))
    throw new BadScenario([`the link begins with v=${VERSION}, of this version of the playground`])
  return scenarioOf(Object.fromEntries(given), unknown)
}

function isKey(key: string): key is Key {
  return Object.hasOwn(FIELDS, key)
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw new BadScenario([`${shown(value)} is not written as links are`])
  }
}
