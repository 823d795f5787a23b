/**
 * Peers' own tests through the VIP (docs/reliability.md, Peers' tests), which scripts/soak runs: `node main.js redis MINUTES SOURCE [--ipv6|--nat64]`,
 * or `node main.js postgres MINUTES SOURCE UNPACKED [--ipv6|--nat64]`. Exit code 1 if anything comes out that does not directly.
 */

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { LabError } from '../../../netns/lab-error.ts'
import { postgresSuite } from './postgres.ts'
import { redisSuite } from './redis.ts'
import { peers, type Suite } from './suite.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ipv6: { type: 'boolean', default: false },
    nat64: { type: 'boolean', default: false },
  },
})
const [name, minutes, ...folders] = positionals
const [source = '', unpacked = ''] = folders.map(folder => resolve(folder))
const SUITES: Record<string, () => Suite> = {
  redis: () => redisSuite(source),
  postgres: () => postgresSuite(unpacked, source),
}
const suite = SUITES[name ?? '']?.()
if (suite === undefined || !(Number(minutes) > 0) || source === '') {
  process.stderr.write('usage: main.js redis|postgres MINUTES SOURCE [UNPACKED] [--ipv6|--nat64]\n')
  process.exit(2)
}
const ended = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ended.abort())
const say = (line: string) => process.stdout.write(`${name}: ${line}\n`)
try {
  const family = values.nat64 ? 'nat64' : values.ipv6 ? 'ipv6' : 'ipv4'
  await peers(suite, family, Number(minutes), say, ended.signal)
} catch (error) {
  if (error instanceof LabError && error.details) process.stderr.write(`${error.details}\n`)
  process.stderr.write(`${name}: ${(error as Error).stack}\n`)
  process.exitCode = 1
}
