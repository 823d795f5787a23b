/** What is written of a config loads to the same config, and reads like one that a human wrote. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { parse } from 'yaml'
import { ConfigError, parseConfig } from '../../src/config/config.ts'
import { fileSchema } from '../../src/config/schema.ts'
import { type ConfigInput, configYaml, withoutDefaults } from '../../src/config/write.ts'
import { anyConfig, soundConfig } from '../kit/any-config.ts'

// From dist/test/config.
const LAB = fileURLToPath(new URL('../../../config/lab.yaml', import.meta.url))

test('characters that are none to be seen are written as their numbers', () => {
  const expect = 'a\u001b[2J\u0007\u009b\u202e\u{e0001}\nb'
  const check = { type: 'http', expect } as const
  const lips = { local_addresses: ['10.0.0.9'], addresses: ['10.0.0.1/32'] }
  const services = [{ address: '10.0.0.1', port: 1, check }]
  const text = configYaml({ arms: [{ name: 'a', ...lips }], services })
  assert.ok(!/[^\P{C}\n]/u.test(text), JSON.stringify(text))
  assert.equal(parseConfig(text, 'x').file.services[0]?.check.expect, expect)
})

test('config/lab.yaml as it would be written', () => {
  const { file } = parseConfig(readFileSync(LAB, 'utf8'), 'lab.yaml')
  const text = configYaml(file)
  assert.equal(
    text,
    `arms:
  - name: ext0
    netns: tapvs-client
    addresses: [202.108.10.1/32]
    routes:
      - to: 202.108.10.0/24
  - name: int0
    netns: tapvs-rs
    addresses: [192.168.168.3/32]
    local_addresses: [192.168.168.7]
    routes:
      - to: 192.168.168.0/24

services:
  - address: 202.108.10.1
    port: 6379
    real_servers:
      - address: 192.168.168.2
        port: 6379
        weight: 100

log:
  timestamps: false

history:
  connections: 100000

capture:
  ring: true
`,
  )
  assert.deepEqual(parseConfig(text, 'lab.yaml').file, file)
})

test('any value that the schema accepts comes back', () => {
  fc.assert(
    fc.property(anyConfig, file => {
      assert.deepEqual(fileSchema.parse(parse(configYaml(file))), file)
      assert.deepEqual(fileSchema.parse(withoutDefaults(file)), file)
      assert.deepEqual(withoutDefaults(withoutDefaults(file)), withoutDefaults(file))
      assert.equal(configYaml(withoutDefaults(file)), configYaml(file))
    }),
  )
})

test('what is written passes the checks that the value passes', () => {
  // JSON is YAML, so the value can be judged without the writer.
  const judged = (text: string) => {
    try {
      return parseConfig(text, 'x').file
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.problems.length
    }
  }
  let sound = 0
  fc.assert(
    fc.property(soundConfig, file => {
      const expected = judged(JSON.stringify(file))
      const found = judged(configYaml(file))
      if (typeof expected === 'number') return assert.equal(found, expected)
      sound++
      assert.deepEqual(found, expected)
    }),
    // Three of ten are sound: of 100 there would be no more than 20 in three runs of a hundred.
    { numRuns: 150 },
  )
  assert.ok(sound > 20, `${sound} sound configs`)
})

test('lists and inner mappings are on one line as long as they fit', () => {
  const input: ConfigInput = {
    arms: [
      {
        name: 'a',
        local_addresses: Array.from({ length: 12 }, (_, i) => `10.0.0.${i + 100}`),
        impair: { loss: '1%', seed: 0 },
        routes: [{ to: '10.0.0.0/8' }],
      },
    ],
    tcp: { timeouts: { established: 900, none: 2 }, toa: 'seed' },
    log: { level: 'info' },
    workers: { count: 2 },
  }
  const text = configYaml(input)
  assert.match(text, /^ {4}local_addresses:\n {6}- 10\.0\.0\.100\n/m)
  assert.match(text, /^ {4}impair: \{ loss: 1% \}$/m)
  assert.match(text, /^workers:\n {2}count: 2$/m)
  assert.match(text, /^tcp:\n {2}timeouts: \{ established: 900 \}$/m)
  assert.doesNotMatch(text, /log|toa|services/)
  assert.ok(text.split('\n').every(line => line.length <= 100))
})

test('what two places share is written twice', () => {
  const local_addresses = ['10.0.0.1']
  const text = configYaml({
    arms: [
      { name: 'a', local_addresses },
      { name: 'b', local_addresses },
    ],
  })
  assert.doesNotMatch(text, /[&*]/)
})

test('keys that the schema does not know are kept', () => {
  const input = {
    arms: [{ name: 'a', colour: 'red' }],
    later: { x: [1] },
  } as unknown as ConfigInput
  assert.deepEqual(parse(configYaml(input)), input)
})
