/**
 * Arbitrary values of config files, made from the schema itself, so that a key which is added there is tried as well.
 * A text or number is taken from the samples below that its schema accepts; add one when a new key has none.
 */

import fc from 'fast-check'
import * as z from 'zod'
import { checkProblems } from '../../src/config/check-keys.ts'
import { type ConfigFile, fileSchema } from '../../src/config/schema.ts'

const TEXTS = [
  ...['10.0.0.1', '192.168.168.7', '255.255.255.255', '10.0.0.0/8', '10.1.2.3/32', '0.0.0.0/0'],
  ...['default', 'ext0', 'int0', 'a', '12', '1e3', '0x10', '0o7', 'null', '~', 'true', 'no', '#x'],
  ...[
    '-',
    '- a',
    'a b',
    '[a]',
    '{a}',
    '*a',
    '&a',
    '!a',
    '|',
    '>',
    "'",
    '"',
    'a: b',
    'a #b',
    '%',
    'é',
  ],
  ...['0%', '0.5%', '100%', '02:74:76:00:00:01', '12:34:56:00:11:22', 'AA:bb:cc:dd:ee:0f'],
  ...['/run/tapvs/tapvs.sock', '/a b', '/a: #b', '/tmp/\u0001', '/', '127.0.0.1', '200', '200-399'],
  '/bin/true',
]
const NUMBERS = [
  1 << 23,
  0,
  1,
  2,
  3,
  10,
  16,
  80,
  100,
  128,
  576,
  1500,
  6379,
  9000,
  65_535,
  262_144,
  1e6,
]

/** A value that the schema accepts, defaults filled in; what the values say about each other may be nonsense. */
export const anyConfig = of(fileSchema, 'config') as fc.Arbitrary<ConfigFile>

function of(schema: z.ZodType, name: string): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodOptional) {
    return fc.option(of(schema.unwrap() as z.ZodType, name), { nil: undefined })
  }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    const standard = schema.parse(undefined)
    return fc.oneof(fc.constant(standard), of(schema.unwrap() as z.ZodType, name))
  }
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Record<string, z.ZodType>
    const model = Object.fromEntries(
      Object.entries(shape).map(([key, child]) => [key, of(child, `${name}.${key}`)]),
    )
    // A key that is missing and one that is undefined are the same file.
    return fc
      .record(model)
      .map(value => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)))
      .filter(value => schema.safeParse(value).success)
  }
  if (schema instanceof z.ZodArray) {
    return fc.array(of(schema.element as z.ZodType, name), { maxLength: 4 })
  }
  if (schema instanceof z.ZodUnion) {
    return fc.oneof(...(schema.options as z.ZodType[]).map(option => of(option, name)))
  }
  const candidates = [...TEXTS, ...NUMBERS, true, false, ...wordsOf(schema)]
  const fitting = candidates.filter(value => schema.safeParse(value).success)
  if (fitting.length === 0) throw new Error(`no sample for ${name}: add one to any-config.ts`)
  return fc.constantFrom(...fitting)
}

function wordsOf(schema: z.ZodType): unknown[] {
  if (schema instanceof z.ZodEnum) return schema.options
  return schema instanceof z.ZodLiteral ? [...schema.values] : []
}

/** Most of these pass every check: addresses are unique, what is named is there, RSs can be reached. */
export const soundConfig: fc.Arbitrary<ConfigFile> = anyConfig.map(any => {
  const file = structuredClone(any)
  if (file.arms.length === 0) file.arms.push(fileSchema.shape.arms.element.parse({ name: 'a' }))
  for (const [i, arm] of file.arms.entries()) {
    arm.name = `${arm.name.slice(0, 12)}${i}`
    arm.addresses = arm.addresses.map((_, j) => `10.${i}.0.${j + 1}/24`)
    arm.local_addresses = [...arm.local_addresses, ''].map((_, j) => `10.${i}.1.${j + 1}`)
    arm.routes = [{ to: `10.${i}.0.0/16` }]
    delete arm.vlan
  }
  const inside = file.arms.find(({ kind }) => kind === 'tap')
  const outside = file.arms.find(arm => arm !== inside)
  if (!inside || !outside) file.snat = []
  for (const [i, rule] of file.snat.entries()) {
    Object.assign(rule, { source: `10.9.9.${i + 1}`, in: inside?.name, out: outside?.name })
    const own = outside?.local_addresses ?? []
    rule.addresses = rule.addresses.slice(0, own.length)
    for (const [j, one] of rule.addresses.entries()) one.address = own[j] ?? ''
  }
  const lips = file.arms.flatMap(arm => arm.local_addresses)
  for (const [i, service] of file.services.entries()) {
    service.address = `10.0.0.${i + 1}`
    if (service.local_addresses) service.local_addresses = lips.slice(0, (i % lips.length) + 1)
    for (const [[part, key]] of checkProblems(service)) {
      if (part === 'check') delete (service.check as Record<string, unknown>)[key as string]
      else delete service.passive
    }
    if (service.check.type === 'script') service.check.command = ['/bin/true']
    service.real_servers = service.real_servers.map((rs, j) => ({
      ...rs,
      address: `10.0.2.${j + 1}`,
    }))
  }
  return file
})
