/** Scenarios and their links: what is written is read again, and what is wrong is told in words. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { CHECKOUT } from '../../netns/topology.ts'
import { parseConfig } from '../../src/config/config.ts'
import { configOfScenario } from '../../src/play/appliance.ts'
import { BACKLOG } from '../../src/play/ends.ts'
import { FIELDS, KEYS } from '../../src/play/fields.ts'
import { LESSONS } from '../../src/play/lessons.ts'
import { ROWS_MOST } from '../../src/play/rows.ts'
import {
  BadScenario,
  DEFAULTS,
  LINK_MOST,
  linkOf,
  ofLink,
  type Scenario,
  scenarioOf,
} from '../../src/play/scenario.ts'
import { STEPS_MOST } from '../../src/play/world.ts'
import { anyValue } from './any-scenario.ts'

const scenarios = fc
  .record(Object.fromEntries(KEYS.map(key => [key, anyValue(key, FIELDS[key])])))
  .map(made => ({ ...made, worker: Math.min(Number(made.worker), Number(made.workers)) }))
  .map(made => made as unknown as Scenario)

const mistakes = (link: string): readonly string[] => {
  try {
    ofLink(link)
  } catch (error) {
    assert.ok(error instanceof BadScenario)
    return error.mistakes
  }
  assert.fail(`${link} was believed`)
}

test('a link gives back the scenario that it was made of, and is one that is read', () => {
  fc.assert(
    fc.property(scenarios, scenario => {
      const link = linkOf(scenario)
      assert.ok(link.length < LINK_MOST)
      assert.deepEqual(ofLink(link), scenario)
      assert.deepEqual(ofLink(`#${link}`), scenario)
    }),
  )
  assert.equal(linkOf(DEFAULTS), 'v=1')
  assert.deepEqual(ofLink(''), DEFAULTS)
})

test('the config of every scenario is one that the daemon would take', () => {
  fc.assert(
    fc.property(scenarios, scenario => {
      const config = parseConfig(configOfScenario(scenario), 'scenario')
      assert.equal(config.services[0]?.realServers.length, scenario.servers.length)
    }),
    { numRuns: 30 },
  )
})

test('what is wrong is said in words, all of it', () => {
  assert.deepEqual(mistakes('v=1&protcol=udp&connections=41&lost=rs.0&toa=never'), [
    'connections is a whole number from 1 to 40',
    'lost takes 0 to 8 of: client, vip, lip or rs, and the number of its packet, as in client.2',
    'toa is one of seed, master, off',
    '"protcol" is nothing that can be chosen; did you mean protocol?',
  ])
  assert.deepEqual(mistakes('v=1&workers=2&worker=3'), [
    'worker is a whole number from 1 to 32, and not more than workers',
  ])
  assert.deepEqual(mistakes('v=1&gap=1&gap=2'), ['"gap" is there twice'])
  assert.deepEqual(mistakes('v=1&gap=%E0%A4'), ['"%E0%A4" is not written as links are'])
  assert.match(mistakes('v=2&gap=1')[0] ?? '', /begins with v=1/)
  assert.match(mistakes(`v=1&${'x'.repeat(3000)}`)[0] ?? '', /3004 characters, more than 2000/)
})

test('docs/playground.md says the bounds as they are', () => {
  const text = readFileSync(join(CHECKOUT, 'docs/playground.md'), 'utf8')
  const rows = Object.fromEntries(
    [...text.matchAll(/^\| (\w.*?) \| (\d.*?) \|$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
  const { connections, flood, seconds } = FIELDS
  assert.deepEqual(rows, {
    'connections of clients': `${connections.max}, and ${flood.max} SYNs of a flood`,
    seconds: String(seconds.max),
    'packets that the balancer is given': `${STEPS_MOST.toLocaleString('en')}; then the scenario is broken off, and the page says so`,
    'rows of the ladder that are drawn': `${ROWS_MOST}; of a flood none`,
    'characters of a link': String(LINK_MOST),
  })
  assert.ok(text.includes(`room for ${BACKLOG}\nhalf-open`) && LESSONS.length === 9)
})

test('garbage is refused with words, and never believed', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 100 }),
    fc.string({ maxLength: 60 }).map(rest => `v=1&${rest}`),
    fc.tuple(fc.constantFrom(...KEYS), fc.string()).map(([key, rest]) => `v=1&${key}=${rest}`),
  )
  fc.assert(
    fc.property(text, link => {
      try {
        assert.deepEqual(scenarioOf(ofLink(link)), ofLink(link))
      } catch (error) {
        assert.ok(error instanceof BadScenario, String(error))
        assert.ok(error.mistakes.every(line => line.length > 10 && line.length < 250))
      }
    }),
  )
  for (const key of ['__proto__', 'constructor', 'toString'])
    assert.match(mistakes(`v=1&${key}=1`)[0] ?? '', /nothing that can be chosen/)
})
