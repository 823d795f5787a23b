/** Schedulers that an operator has written: what they are asked, and what becomes of those that do wrong. */

import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { ConfigError, parseConfig } from '../../../src/config/config.ts'
import { moduleOf } from '../../../src/config/scheduler-module.ts'
import { ownScheduler, ownSchedulersOf } from '../../../src/control/threads/own-scheduler.ts'
import { AddressBook } from '../../../src/engine/address-book.ts'
import type { Asker } from '../../../src/engine/asker.ts'
import type { Counters } from '../../../src/engine/counters.ts'
import type { Dest, Service } from '../../../src/engine/service.ts'
import { askFirst } from '../../../src/engine/setup-parts.ts'
import { ipv4Int } from '../../../src/wire/address.ts'
import { SYN, WAN } from '../../kit/connection.ts'
import { SEED6_CONFIG } from '../../kit/nd.ts'
import { countsOf, load, scheduled, weigh } from '../../kit/scheduled.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-own-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

function file(text: string): string {
  const path = join(folder, `own-${files++}.mjs`)
  writeFileSync(path, text, { mode: 0o644 })
  return path
}

/** A service of rr with the module before it; and what is said of that. */
function withOwn(path: string, weights = [1, 1, 1], without = '') {
  const service = scheduled('rr', weights)
  const said: string[] = []
  const counted: number[] = []
  const counters = { count: (event: number) => void counted.push(event) } as unknown as Counters
  ownSchedulersOf(text => void said.push(text), without)
  const addressBook = new AddressBook(new ArrayBuffer(AddressBook.bytesFor(1)), 0, 1)
  const counting = { dests: countsOf(service), counters, addressBook }
  askFirst(service, ownScheduler(moduleOf(path), counting))
  return { service, said, counted }
}

const asker = (address: string, port = 4000): Asker => {
  const client = ipv4Int(address)
  return { client, port, id: client }
}
const ask = (service: Service, address = '192.0.2.1') =>
  service.pick(service, 0, asker(address))?.index
const times = (count: number, service: Service) => Array.from({ length: count }, () => ask(service))
const dest = (service: Service, at: number) => service.dests[at] as Dest

test('it is told the client and the servers, and chooses', () => {
  const text = `export default (client, servers) => servers.find(
    ({ port, weight, usable }) => usable && port === 80 && weight === 1 + client.port % 3)`
  const { service, said } = withOwn(file(text), [1, 2, 3])
  const found = [3000, 3001, 3002].map(
    port => service.pick(service, 0, asker('192.0.2.1', port))?.index,
  )
  assert.deepEqual(found, [0, 1, 2])
  assert.deepEqual(said, [])
})

test('active and inactive are those of the moment', () => {
  const text = `export default (_, all) =>
    [...all].sort((a, b) => a.active - b.active || a.inactive - b.inactive)[0]`
  const { service } = withOwn(file(text))
  const counts = countsOf(service)
  const taken = Array.from({ length: 6 }, () => {
    const index = ask(service) ?? -1
    counts.countConn(dest(service, index))
    counts.activate(index, 1)
    return index
  })
  assert.deepEqual(taken, [0, 1, 2, 0, 1, 2])
})

test('what it may not choose, or does not, the scheduler of the service chooses', () => {
  const first = withOwn(file('export default (_, servers) => servers[0]'))
  assert.deepEqual(times(2, first.service), [0, 0])
  load(dest(first.service, 0), true)
  assert.equal(ask(first.service), 1, 'full')
  weigh(dest(first.service, 1), 0)
  assert.equal(ask(first.service), 2)
  const nobody = withOwn(file('module.exports = () => undefined'))
  assert.deepEqual(times(3, nobody.service), [0, 1, 2])
  assert.deepEqual([...first.said, ...nobody.said], [])
})

test('one that throws, or chooses what there is not, is out and told of once', () => {
  const cases: [text: string, why: RegExp][] = [
    ['() => { throw new TypeError("no\\nsuch") }', /out: it threw TypeError: no such; the service/],
    ['() => 1', /is out: it chose what is none of the servers/],
    ['() => ({ place: 1 })', /is out: it chose what is none/],
    ['() => process.nothing()', /is out: it threw TypeError/],
    ['() => { throw Object.create(null) }', /is out: it threw what has no text/],
    ['async () => { throw new Error("later") }', /is out: it chose what is none/],
    ['(_, servers) => servers.shift()', /is out: it threw TypeError/],
    ['() => require("fs")', /is out: it threw ReferenceError: require is not defined/],
  ]
  for (const [text, why] of cases) {
    const { service, said, counted } = withOwn(file(`export default ${text}`))
    assert.deepEqual(times(4, service), [0, 1, 2, 0])
    assert.equal(said.length, 1)
    assert.match(said[0] ?? '', why)
    assert.equal(counted.length, 1)
  }
})

test('one that is slow is out after the third time, and was heard until then', () => {
  const text = `export default (_, servers) => {
    for (const end = performance.now() + 8; performance.now() < end; );
    return servers[2]
  }`
  const { service, said } = withOwn(file(text))
  assert.deepEqual(times(5, service), [2, 2, 2, 0, 1])
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /is out: 3 calls of it took more than 5 ms, the last \d+ ms;/)
})

test('in a worker that was started again none is asked', () => {
  const path = file('export default (_, servers) => servers[1]')
  const { service, said } = withOwn(path, [1, 1], 'this worker was started again')
  assert.equal(ask(service), 0)
  assert.match(said.join(), /is out: this worker was started again;/)
  // A change of the service, with the same text and with another one.
  const again = withOwn(path, [1, 1])
  assert.deepEqual([ask(again.service), again.said], [0, []])
  writeFileSync(path, 'export default (_, servers) => servers.at(1)')
  assert.equal(ask(withOwn(path, [1, 1]).service), 1)
})

test('servers come and go: places are those of now', () => {
  const { service } = withOwn(file('export default (_, servers) => servers[servers.length - 1]'))
  assert.equal(ask(service), 2)
  service.dests.pop()
  service.candidates.renew()
  assert.equal(ask(service), 1)
  const kept = withOwn(file('let kept\nexport default (_, all) => (kept ??= all[2])'))
  assert.equal(ask(kept.service), 2)
  kept.service.dests.shift()
  kept.service.candidates.renew()
  assert.equal(ask(kept.service), 1, 'one of an earlier list is nobody')
})

test('the example: one client in twenty goes to what is new', () => {
  const { service } = withOwn(join(CHECKOUT, 'examples/canary.mjs'))
  Object.assign(dest(service, 2), { rport: 8081 })
  for (let i = 1; i < 60; i++) assert.equal(ask(service, `192.0.2.${i}`) === 2, i % 20 === 0)
})

const CONFIG = readFileSync(join(CHECKOUT, 'examples/minimal.yaml'), 'utf8')

function problemsOf(path: string): string {
  const text = CONFIG.replace(
    /^services:\n( +)- /m,
    `services:\n$1- scheduler_module: ${path}\n$1  `,
  )
  assert.notEqual(text, CONFIG)
  try {
    parseConfig(text, 'x.yaml')
    return 'none'
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.join('\n')
  }
}

test('what is no such file is a mistake of the config, in words', () => {
  const open = file('export default () => {}')
  chmodSync(open, 0o666)
  mkdirSync(join(folder, 'folder'))
  symlinkSync('/dev/zero', join(folder, 'zero'))
  const cases: [path: string, found: RegExp][] = [
    [file('export default () => {}'), /^none$/],
    [
      join(folder, 'nowhere.mjs'),
      /services\[0\]\.scheduler_module: expected a file of JavaScript that exports a function as its default, found no such file$/,
    ],
    [open, /found a file that others may write to: chmod go-w$/],
    [join(folder, 'folder'), /found what is no regular file$/],
    [join(folder, 'zero'), /found what is no regular file$/],
    [file(`//${'x'.repeat(65_536)}`), /found a file of 65538 bytes, more than 65536$/],
    [file('export default {'), /found a module that cannot be loaded: SyntaxError: /],
    [file('import fs from "fs"\nexport default 1'), /cannot be loaded: SyntaxError: /],
    [file('throw new Error("a\\nb")'), /cannot be loaded: Error: a b$/],
    [file('for (;;);'), /cannot be loaded: Error: Script execution timed out after 200ms$/],
    [file(''), /found a module whose default export is not there$/],
    [file('export default 7'), /found a module whose default export is of type number$/],
  ]
  for (const [path, found] of cases) assert.match(problemsOf(path), found)
})

test('an image of an engine, as a journal begins with, has schedulers with all that they go by', () => {
  const path = file('export default ({ port }, servers) => (port === 7 ? servers[1] : null)')
  const rss = 'real_servers: [{ address: 192.168.168.2 }, { address: 192.168.168.12 }]'
  for (const own of ['mh\n    hash_port: true', 'wlc', `rr\n    scheduler_module: ${path}`]) {
    const yaml = SEED_CONFIG.replace('wrr', own).replace(/real_servers: .*/, rss)
    const before = new Stand(yaml).resolveRss()
    before.segment(WAN, { ...SYN, sport: 5000 })
    const after = new Stand(yaml, undefined, {}, structuredClone(before.image()))
    const places = ({ engine }: Stand) => {
      const service = engine.setup.services.find(6, ipv4Int(SYN.dst), SYN.dport)
      assert.ok(service)
      return [7, 8, 9, 10, 11, 12].map(
        port => service.pick(service, 0, asker('192.0.2.1', port))?.index,
      )
    }
    const expected = places(before)
    assert.deepEqual(places(after), expected, own)
  }
})

test('of IPv6 it is told the addresses as they are, whatever the engine makes of them', () => {
  const path = file(
    'export default (...asked) => { globalThis.asked.push(asked); return asked[1][1] }',
  )
  const all: [{ address: string; port: number }, { address: string }[]][] = []
  Object.assign(globalThis, { asked: all })
  ownSchedulersOf(() => {})
  const config = SEED6_CONFIG.replace(
    "[{ address: '2001:db8:168::2', weight: 100 }]",
    "[{ address: '2001:db8:168::f' }, { address: '2001:db8:168::2' }]",
  )
  const stand = new Stand(`${config}    scheduler_module: ${path}\n`).resolveRss()
  const line = '2001:db8:10::2.4000 > 2001:db8:10::1.6379: Flags [S], seq 1, win 100, length 0'
  const { dst } = stand.forward('dpdk0', line)
  assert.equal(dst, '2001:db8:168::f')
  const [client, servers] = all[0] ?? []
  assert.deepEqual(client, { address: '2001:db8:10::2', port: 4000 })
  assert.deepEqual(
    servers?.map(({ address }) => address),
    ['2001:db8:168::2', '2001:db8:168::f'],
  )
})
