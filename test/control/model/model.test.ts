/**
 * Whatever way a config came about, step by step or all at once, the engine is the same, and so are the listings.
 * Holds invariant I18, invariant I19.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Edit, ServiceKey } from '../../../src/api/edits.ts'
import { compare } from '../../../src/config/changes.ts'
import { configOf, parseConfig } from '../../../src/config/config.ts'
import { edited } from '../../../src/config/edited.ts'
import { PlaceList } from '../../../src/config/places.ts'
import { addresses, routes, services } from '../../../src/control/readings/listings.ts'
import { runs } from '../../kit/long.ts'
import { Stand } from '../../kit/stand.ts'

const BARE = `
arms:
  - { name: ext0, addresses: [10.0.0.1/24, 10.0.0.2/32] }
  - { name: int0, addresses: [10.1.0.1/24], local_addresses: [10.1.0.9] }
`

const vips = fc.constantFrom('10.0.0.1', '10.0.0.2')
const service: fc.Arbitrary<ServiceKey> = fc.record({
  protocol: fc.constant('tcp' as const),
  address: vips,
  port: fc.constantFrom(80, 81),
})
const server = fc.record({
  address: fc.constantFrom('10.1.0.20', '10.1.0.21', '10.1.0.22'),
  port: fc.constantFrom(80, 8080),
})
const lips = fc.constantFrom('10.1.0.9', '10.1.0.10', '10.1.0.11')
const weight = fc.nat(5)

const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({
    edit: fc.constantFrom('add-service' as const, 'edit-service' as const),
    service,
    scheduler: fc.constantFrom('rr' as const, 'wrr' as const),
    conn_timeout: fc.nat(3),
  }),
  fc.record({
    edit: fc.constant('edit-service' as const),
    service,
    real_servers: fc.uniqueArray(server, { maxLength: 3, selector: JSON.stringify }),
    local_addresses: fc.array(
      lips.map(address => ({ address, arm: 'int0' })),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  fc.record({ edit: fc.constant('delete-service' as const), service }),
  fc.record({
    edit: fc.constantFrom('add-server' as const, 'edit-server' as const),
    service,
    server,
    weight,
    upper_threshold: fc.nat(2),
  }),
  fc.record({ edit: fc.constant('delete-server' as const), service, server }),
  fc.record({
    edit: fc.constantFrom('add-lip' as const, 'delete-lip' as const),
    service,
    address: lips,
    arm: fc.constant('int0'),
  }),
  fc.record({
    edit: fc.constant('add-address' as const),
    arm: fc.constant('ext0'),
    address: fc.constantFrom('10.0.0.3', '10.2.0.1'),
    prefix_length: fc.constantFrom(32, 24),
    lip: fc.constant(false),
  }),
  fc.record({
    edit: fc.constant('delete-address' as const),
    arm: fc.constant('ext0'),
    address: fc.constantFrom('10.0.0.3', '10.2.0.1'),
    prefix_length: fc.constantFrom(32, 24),
  }),
  fc.record({
    edit: fc.constantFrom('add-route' as const, 'delete-route' as const),
    arm: fc.constant('int0'),
    to: fc.constantFrom('10.5.0.0/16', '10.6.0.0/16'),
    via: fc.constant('10.1.0.254'),
  }),
  fc.constant<Edit>({ edit: 'clear' }),
)

/** A stand whose config can be changed as the daemon changes it. */
class Changeable extends Stand {
  async edit(...wanted: Edit[]): Promise<string | undefined> {
    try {
      await this.model.edit(wanted, false, async changes => this.change(changes))
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  /** What the engine itself has, beside what control believes. */
  state() {
    const { model } = this
    const arms = this.engine.arms.map(arm => ({
      addresses: arm.addresses.map(cidr => `${cidr.address}/${cidr.prefixLength}`).sort(),
      towards: TARGETS.map(target => arm.routeTo(target)),
    }))
    return { services: services(model), addresses: addresses(model), routes: routes(model), arms }
  }
}

const TARGETS = [0x0a000005, 0x0a010005, 0x0a020005, 0x0a050005, 0x0a060005, 0x08080808]

test('any way to a config leads to the same engine', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(edits, { maxLength: 25 }), async wanted => {
      const stand = new Changeable(BARE)
      for (const edit of wanted) await stand.edit(edit)
      const fresh = new Changeable(JSON.stringify(stand.model.config.file))
      assert.deepEqual(stand.state(), fresh.state())
      const clients = (of: Changeable) =>
        stand.model.config.services.flatMap(({ address, port }) => of.answersFrom(address, port))
      assert.deepEqual(clients(stand), clients(fresh))
    }),
    { numRuns: runs(50) },
  )
})

test('a comparison of equal configs is empty, and says in words what differs', () => {
  const before = parseConfig(BARE, 'x')
  assert.deepEqual(compare(before, before).steps, [])
  const key: ServiceKey = { protocol: 'tcp', address: '10.0.0.1', port: 80 }
  const after = configOf(
    edited(before.file, [
      { edit: 'add-service', service: key, scheduler: 'rr' },
      { edit: 'add-lip', service: key, address: '10.1.0.10', arm: 'int0' },
      { edit: 'add-server', service: key, server: { address: '10.1.0.20' }, upper_threshold: 3 },
      { edit: 'delete-address', arm: 'ext0', address: '10.0.0.2', prefix_length: 32 },
      { edit: 'add-neighbour', arm: 'int0', address: '10.1.0.20', mac: '02:00:00:00:00:01' },
      { edit: 'set-timeouts', established: 60, fin_wait: 0 },
    ]),
  )
  assert.deepEqual(compare(before, after).steps, [
    '~ tcp.timeouts 2 90 3 30 7 7 3 7 7 120 30 => 2 60 3 30 7 7 3 7 7 120 30',
    '+ address 10.1.0.10/32 on int0',
    '+ neighbour 10.1.0.20 on int0 02:00:00:00:00:01',
    '+ LIP 10.1.0.10',
    '+ service TCP 10.0.0.1:80 rr from 10.1.0.10',
    '+ RS 10.1.0.20:80 of TCP 10.0.0.1:80 weight 1 thresholds 0 3',
    '- address 10.0.0.2/32 on ext0',
  ])
})

test('what control changes of itself is in the plan, too', () => {
  const before = parseConfig(BARE, 'x')
  const after = parseConfig(
    `${BARE}log: { level: debug, modules: { conn: info } }\ncontrol: { drain: 5 }\n`,
    'x',
  )
  const comparison = compare(before, after)
  assert.deepEqual(comparison.restart, [])
  assert.deepEqual(comparison.steps, [
    '~ log.level info => debug',
    '~ log.modules {} => {"conn":"info"}',
    '~ control.drain 0 => 5',
  ])
})

test('an edit that cannot be says why, and nothing of its list is done', async () => {
  const stand = new Changeable(BARE)
  const key: ServiceKey = { protocol: 'tcp', address: '10.0.0.1', port: 80 }
  const before = stand.model.config
  const cases: [Edit, RegExp][] = [
    [{ edit: 'edit-service', service: key }, /^no service TCP 10\.0\.0\.1:80$/],
    [
      { edit: 'delete-address', arm: 'ext0', address: '10.0.0.9', prefix_length: 32 },
      /^no address 10\.0\.0\.9\/32 on ext0$/,
    ],
    [
      { edit: 'delete-route', arm: 'int0', to: '0.0.0.0/0', via: '10.1.0.253' },
      /^no route 0\.0\.0\.0\/0 via 10\.1\.0\.253 on int0$/,
    ],
    [{ edit: 'add-route', arm: 'ext1', to: '10.0.0.0/8' }, /^no arm ext1; there are ext0, int0$/],
    [
      { edit: 'add-route', arm: 'int0', to: '10.7.0.0/16', via: '10.8.0.1' },
      /routes\[0\]\.via: expected a gateway on-link of int0/,
    ],
  ]
  for (const [edit, expected] of cases) {
    const wrong = await stand.edit({ edit: 'add-service', service: { ...key, port: 99 } }, edit)
    assert.match(wrong ?? '', expected)
    assert.equal(stand.model.config, before)
  }
})

test('a place goes to another only when nothing counts in it any more', () => {
  const busy = new Set<number>()
  const places = new PlaceList(2, place => !busy.has(place))
  assert.deepEqual([places.take('a'), places.take('b')], [0, 1])
  busy.add(0)
  assert.equal(places.leave('a'), 0)
  assert.throws(() => places.take('c'), /no more than 2 places/)
  assert.equal(places.take('a'), 0, 'who comes back has his own')
  places.leave('a')
  busy.clear()
  assert.equal(places.take('c'), 0)
  assert.equal(places.find('a'), -1)
  assert.equal(places.leave('a'), -1)
})

test('default and 0.0.0.0/0 are one route', async () => {
  const stand = new Changeable(BARE)
  const via = '10.1.0.254'
  const none = routes(stand.model).length
  assert.equal(await stand.edit({ edit: 'add-route', arm: 'int0', to: 'default', via }), undefined)
  assert.match(
    (await stand.edit({ edit: 'add-route', arm: 'int0', to: '0.0.0.0/0', via })) ?? '',
    /exists already/,
  )
  assert.equal(await stand.edit({ edit: 'delete-route', arm: 'int0', to: '0.0.0.0/0' }), undefined)
  assert.equal(routes(stand.model).length, none)
})

test('a listing while a change is carried out has a number for everything in it', async () => {
  const stand = new Changeable(BARE)
  const key: ServiceKey = { protocol: 'tcp', address: '10.0.0.1', port: 80 }
  const server = { address: '10.1.0.20' }
  await stand.edit(
    { edit: 'add-service', service: key },
    { edit: 'add-server', service: key, server },
  )
  const seen: string[] = []
  const look = async () => {
    stand.model.sampleRates(1000)
    seen.push(JSON.stringify([services(stand.model), addresses(stand.model)]))
  }
  await stand.model.edit([{ edit: 'delete-server', service: key, server }], false, look)
  await stand.model.edit([{ edit: 'add-server', service: key, server }], false, look)
  assert.equal(seen.length, 2)
  for (const listing of seen) assert.doesNotMatch(listing, /null/)
})

test('what a NIC is stays known whatever the config becomes, and is nothing that takes a restart', async () => {
  const text = BARE.replaceAll('{ name', '{ kind: nic, name')
  const stand = new Changeable(text)
  const device = { mac: '02:00:00:00:00:05', mtu: 1400 }
  stand.model.found(0, device)
  assert.equal(await stand.edit({ edit: 'add-route', arm: 'ext0', to: 'default' }), undefined)
  const [first, second] = stand.model.config.arms
  assert.deepEqual([first?.mac, first?.mtu], [device.mac, device.mtu])
  assert.notEqual(second?.mac, device.mac)
  const plan = await stand.model.apply(parseConfig(text, 'x.yaml'), true, async () => {})
  assert.deepEqual(plan.restart, [])
  const smaller = text.replace('name: ext0', 'name: ext0, mtu: 1300')
  const other = await stand.model.apply(parseConfig(smaller, 'x.yaml'), true, async () => {})
  assert.deepEqual(other.restart, ['arms (name, kind, netns, mac, mtu, vlan, impair)'])
})
