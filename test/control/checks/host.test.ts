/** What workers are told of RSs that checks take out with on_down reset, and what of changes of the config meanwhile. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { until } from '../../../netns/processes.ts'
import { type Change, rsName } from '../../../src/config/changes.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { Checks } from '../../../src/control/checks/host.ts'
import { KeptHealth } from '../../../src/control/checks/kept-health.ts'
import { Events } from '../../../src/control/model/events.ts'
import { Model } from '../../../src/control/model/model.ts'
import { Readings } from '../../../src/control/readings/readings.ts'
import { DEST_PLACES, newTables } from '../../../src/control/threads/memory.ts'
import type { Workers } from '../../../src/control/threads/workers.ts'
import { Outcomes } from '../../../src/engine/outcomes.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'

const SERVERS = '[{ address: 192.168.168.2, weight: 100 }, { address: 192.168.168.8, weight: 50 }]'

/** Passive, so that nothing is probed; `more` is of the service. */
function configOf(more = '', servers = SERVERS, protocol = 'tcp') {
  const check = 'check: { on_down: reset, slow_start: 10 }'
  const passive = 'passive: { failures: 2, within: 10, min: 5, max: 60 }'
  const service = `real_servers: ${servers}\n    ${check}\n    ${passive}\n    ${more}`
  const text = SEED_CONFIG.replace(/real_servers:.*/, service)
  return parseConfig(text.replace('protocol: tcp', `protocol: ${protocol}`), 'x.yaml')
}

function checks(t: TestContext, config = configOf(), kept = new KeptHealth(null)) {
  const tables = newTables(config)
  const model = new Model(config, new Readings(config, [tables]), undefined, kept.told())
  const told: string[] = []
  const change = async (changes: readonly Change[]) => {
    for (const one of changes) {
      if (one.put === 'rs') told.push(`${one.rs.address} ${one.rs.weight}`)
      if (one.put === 'cut' || one.put === 'no-cut') told.push(`${one.put} ${one.place}`)
      if (one.put === 'no-rs') told.push(`${one.address} gone${one.cut ? ', cut' : ''}`)
    }
  }
  const log = { error() {}, warn() {}, info() {} }
  const workers = { change } as unknown as Workers
  const host = new Checks({ model, workers, events: new Events() }, log, kept)
  t.after(() => host.stop())
  const server = (address: string) => {
    const [service] = model.config.services
    const rs = service?.realServers.find(one => one.address === address)
    assert.ok(service && rs, address)
    return [service, rs] as const
  }
  const set = (address: string, weight: number | null) =>
    host.setHealth(
      ...server(address),
      weight === null ? { inhibited: true, weight: 0 } : { inhibited: false, weight },
      null,
    )
  const fail = (address: string, count: number) => {
    const [service, rs] = server(address)
    const place = model.places.dests.find(rsName(service, rs))
    for (let i = 0; i < count; i++) new Outcomes(tables.outcomes, DEST_PLACES).failed(place)
  }
  const says = async () => {
    await model.exclusively(async () => {})
    await model.exclusively(async () => {})
    return told.splice(0)
  }
  const apply = (next = configOf()) => model.apply(next, false, change)
  return { model, told, set, fail, says, apply }
}

const isCut = (text: string) => text.startsWith('cut ')
const [A, B] = ['192.168.168.2', '192.168.168.8']

test('who is found down is cut once, and what is left when it is up again lives on', async t => {
  const { model, set, says } = checks(t)
  const place = model.places.dests.find('RS 192.168.168.2:6379 of TCP 202.108.10.1:6379')
  set(A, null)
  assert.deepEqual(await says(), [`${A} 0`, `cut ${place}`])
  set(A, null)
  assert.deepEqual(await says(), [`${A} 0`])
  set(A, 1)
  assert.deepEqual(await says(), [`${A} 1`, `no-cut ${place}`])
  set(A, 2)
  assert.deepEqual(await says(), [`${A} 2`])
})

test('who is down for a moment only, as the last one with when_down all, is not cut', async t => {
  const { set, says } = checks(t)
  set(A, null)
  set(A, 100)
  assert.deepEqual(await says(), [`${A} 100`])
})

test('one that is down and deleted, and there again, begins as any other', async t => {
  const { set, says, apply } = checks(t)
  set(A, null)
  await says()
  await apply(configOf('', `[{ address: ${B}, weight: 50 }]`))
  assert.deepEqual(await says(), [`${A} gone, cut`])
  await apply()
  assert.deepEqual(await says(), [`${A} 100`])
  set(A, null)
  assert.equal((await says()).filter(text => text.startsWith('cut')).length, 1)
})

test('a config that is applied meanwhile does not bring back who is down, nor stop its cut', async t => {
  const { fail, told, apply, says } = checks(t)
  fail(A, 2)
  await until('the cut', { limitMs: 5000 }, () => told.some(isCut) || undefined)
  told.splice(0)
  await apply(configOf('', SERVERS.replace('weight: 100', 'weight: 70')))
  assert.deepEqual(await says(), [`${A} 0`])
})

test('when_down all: nobody is cut while all are taken for up, and all who are down when another config ends that', async t => {
  const { fail, told, apply, says } = checks(t, configOf('when_down: all'))
  fail(A, 2)
  fail(B, 2)
  await until('all', { limitMs: 5000 }, () => told.includes(`${B} 50`) || undefined)
  await says()
  assert.ok(!told.some(isCut), told.join())
  await apply(configOf('when_down: drop'))
  assert.deepEqual((await says()).filter(isCut).length, 2)
})

test('connections of UDP that nobody answered take an RS out, too', async t => {
  const { fail, told } = checks(t, configOf('', SERVERS, 'udp'))
  fail(A, 2)
  await until('the end', { limitMs: 5000 }, () => told.includes(`${A} 0`) || undefined)
})

test('one that is down and becomes a backup has its weight, and is not cut any more', async t => {
  const { set, says, apply } = checks(t)
  set(A, null)
  await says()
  await apply(configOf('', SERVERS.replace('weight: 100', 'weight: 100, backup: true')))
  const told = await says()
  assert.equal(told.filter(text => text === `${A} 100`).length > 0, true, told.join())
  assert.match(told.at(-1) ?? '', /^no-cut/)
})

const nameOf = (address: string) => `RS ${address}:6379 of TCP 202.108.10.1:6379`

test('who was down when the daemon crashed gets nothing from the first packet on, and is told again', async t => {
  const kept = new KeptHealth(null)
  const state = { passes: true, outMs: 60_000, slowMs: null }
  kept.set(nameOf(A), { told: { inhibited: true, weight: 0 }, reason: 'because', state })
  kept.set(nameOf('192.168.168.99'), { told: { inhibited: true, weight: 0 }, reason: '', state })
  const { model, says } = checks(t, undefined, kept)
  const weights = model.initial.flatMap(change => (change.put === 'rs' ? [change.rs.weight] : []))
  assert.deepEqual(weights, [0, 50])
  const place = model.places.dests.find(nameOf(A))
  assert.deepEqual(await says(), [`${A} 0`, `cut ${place}`])
  assert.equal(model.reasons.get(nameOf(A)), 'because')
  // Of one that the config does not have nothing is left.
  assert.deepEqual([...model.health.keys()], [nameOf(A)])
})

test('whoever is not checked any more gets what is configured', async t => {
  const kept = new KeptHealth(null)
  const state = { passes: false, outMs: null, slowMs: null }
  kept.set(nameOf(A), { told: { inhibited: true, weight: 0 }, reason: 'because', state })
  const config = parseConfig(SEED_CONFIG, 'x.yaml')
  const { model, says } = checks(t, config, kept)
  assert.deepEqual(await says(), [`${A} ${config.services[0]?.realServers[0]?.weight}`])
  assert.deepEqual([[...model.health], [...kept.told()]], [[], []])
})
