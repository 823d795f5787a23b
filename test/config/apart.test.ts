/** Configs that are wrong in very many places: told in bounded time, and without keeping the control thread waiting. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Edit } from '../../src/api/edits.ts'
import { configOfApart, configOfEdited, readConfigApart } from '../../src/config/apart.ts'
import { ConfigError, configOf, parseConfig } from '../../src/config/config.ts'
import { edited } from '../../src/config/edited.ts'
import type { ConfigFile } from '../../src/config/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-config-'))
after(() => rmSync(folder, { recursive: true }))

const ARM = 'arms:\n- { name: a, addresses: [10.0.0.1/8], local_addresses: [10.0.0.9] }\n'

function problemsOf(read: () => unknown): string[] {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  return []
}

/** Time of this process only, because others keep the machine busy. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const many = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('')

test('the work grows with the length of a wrong config, not with its square', () => {
  const kinds: Record<string, (count: number) => string> = {
    'unknown keys': count => ARM + many(count, i => `k${i}: 1\n`),
    'the same key': count => ARM + 'k: 1\n'.repeat(count),
    'bad arms': count => `arms:\n${'- { name: 1 }\n'.repeat(count)}`,
    aliases: count =>
      `${ARM}services:\n${many(count, i => `- &s${i} { address: x }\n`)}${many(count, i => `- *s${i}\n`)}`,
  }
  for (const [kind, text] of Object.entries(kinds)) {
    const few = text(500)
    const lots = text(4000)
    problemsOf(() => parseConfig(few, 'x'))
    const short = cpuMs(() => problemsOf(() => parseConfig(few, 'x')))
    const long = cpuMs(() => problemsOf(() => parseConfig(lots, 'x')))
    // 64 times as long by the square, and several seconds.
    assert.ok(long < 32 * short + 500, `${kind}: ${short} ms, then ${long} ms`)
  }
})

test('from the thousandth mistake on they are counted', () => {
  const text = ARM + many(1500, i => `k${i}: 1\n`)
  const problems = problemsOf(() => parseConfig(text, 'x'))
  assert.equal(problems.length, 1001)
  assert.equal(problems[0], 'x:3:1 k0: expected a known key, found "k0"')
  assert.equal(problems.at(-1), 'x: and 500 more mistakes')
  const value = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`k${i}`, 1]))
  assert.equal(
    problemsOf(() => configOf({ arms: [{ name: 'a' }], ...value })).at(-1),
    'and 500 more mistakes',
  )
})

test('a mistake is said once', () => {
  const services = many(3, i => `- { address: 10.0.0.2, port: ${i + 1} }\n`)
  assert.deepEqual(
    problemsOf(() => parseConfig(`arms: [{ name: a }]\nservices:\n${services}`, 'x')),
    [
      'x:3:3 services[0]: expected a LIP to reach its real servers from, found no local_addresses in any arm (and so for 2 more services)',
    ],
  )
  const lips = 'services: [{ address: 10.0.0.2, port: 1, local_addresses: [10.0.0.8, 10.0.0.8] }]\n'
  assert.deepEqual(
    problemsOf(() => parseConfig(ARM + lips, 'x')),
    [
      'x:3:60 services[0].local_addresses[0]: expected a LIP of some arm (10.0.0.9), found "10.0.0.8"',
      'x:3:70 services[0].local_addresses[1]: expected each once, found LIP 10.0.0.8 again, see line 3',
    ],
  )
})

test('no control character of a file or of a value comes out', () => {
  const rude = '\u001b[2J\u0007\u009b31m\u202e'
  const key = JSON.stringify(rude).replaceAll(/[\u0080-\uffff]/g, '\\u0099')
  const texts = [
    `${ARM}${key}: 1\n`,
    `${ARM}? "${'\\e]0;x\\a'}"\n: 1\n`,
    `${ARM}services: [{ address: ${key}, port: ${key}, ${key}: 1 }]\n`,
    `arms: [{ name: ${key}, netns: ${key} }]\nlog: { file: { path: ${key} } }\n`,
    `\u001b[2J: \u009b\n: {`,
  ]
  for (const text of texts) {
    const problems = problemsOf(() => parseConfig(text, `x${rude}`))
    assert.ok(problems.length > 0)
    for (const problem of problems) assert.match(problem, /^[^\p{C}]+$/u)
  }
  const value = { arms: [{ name: rude, [`${rude}\n`]: rude }], services: rude }
  for (const problem of problemsOf(() => configOf(value))) assert.match(problem, /^[^\p{C}]+$/u)
})

test('names that would write into a terminal are none', () => {
  const expected = (path: string) => new RegExp(`^${path}: expected `)
  const bad = '\u009bx'
  const config = {
    arms: [{ name: bad, netns: bad }],
    log: { file: { path: `/${bad}` }, sessions: { path: `/${bad}` } },
    control: { socket: `/${bad}` },
  }
  const problems = problemsOf(() => configOf(config))
  for (const path of ['arms\\[0\\]\\.name', 'arms\\[0\\]\\.netns', 'log\\.file\\.path']) {
    assert.ok(
      problems.some(problem => expected(path).test(problem)),
      path,
    )
  }
  for (const path of ['log\\.sessions\\.path', 'control\\.socket']) {
    assert.ok(
      problems.some(problem => expected(path).test(problem)),
      path,
    )
  }
})

test('apart: the same config, the same mistakes, and control goes on', async () => {
  const good = join(folder, 'good.yaml')
  writeFileSync(good, ARM)
  assert.deepEqual(await readConfigApart(good), parseConfig(ARM, good))
  const { file } = parseConfig(ARM, good)
  assert.deepEqual(await configOfApart(file), configOf(file))
  assert.deepEqual(await configOfEdited(file, [], {}), configOf(file))
  await assert.rejects(readConfigApart(join(folder, 'none')), {
    name: 'ConfigError',
    problems: [`${folder}/none: no such file; expected a config like config/lab.yaml`],
  })

  const large = structuredClone(file)
  large.services = [0, 1, 255, 256, 257, 600].map((count, i) => ({
    ...(configOf({ ...file, services: [{ address: '10.0.0.1', port: 80 }] }).file
      .services[0] as ConfigFile['services'][0]),
    port: 80 + i,
    real_servers: Array.from({ length: count }, (_, rs) => ({
      ...{ address: `10.2.${rs >> 8}.${rs & 0xff}`, port: 80, weight: i },
      ...{ upper_threshold: 0, lower_threshold: 0, backup: false, forwarding: 'fullnat' as const },
    })),
  }))
  assert.deepEqual(await configOfApart(large), configOf(large))
  const edits: Edit[] = [
    { edit: 'delete-service', service: { protocol: 'tcp', address: '10.0.0.1', port: 82 } },
  ]
  assert.deepEqual(await configOfEdited(large, edits, {}), configOf(edited(large, edits)))
  await assert.rejects(async () => configOfEdited(large, [...edits, ...edits], {}), {
    message: 'no service TCP 10.0.0.1:82',
  })

  const bad = join(folder, 'bad.yaml')
  writeFileSync(bad, ARM + many(30_000, i => `k${i}: 1\n`))
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const problems = await readConfigApart(bad).then(
    () => [],
    (error: ConfigError) => error.problems,
  )
  clearInterval(timer)
  assert.equal(problems.at(-1), `${bad}: and 29000 more mistakes`)
  // Had it been read here, there would have been one.
  assert.ok(turns > 10, `${turns} turns of the event loop`)
})
