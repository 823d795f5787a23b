/** Which RSs are watched, what follows from their connections, and what the log says. Probes are the lab's. */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../../netns/processes.ts'
import { type ConfigService, parseConfig } from '../../../src/config/config.ts'
import { Checker, type CheckHost } from '../../../src/control/checks/checker.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'

function services(more: string, servers = '192.168.168.2, 192.168.168.8'): ConfigService[] {
  const list = servers.split(', ').map(address => `{ address: ${address}, weight: 100 }`)
  const yaml = SEED_CONFIG.replace(/real_servers:.*/, `real_servers: [${list}]\n    ${more}`)
  return parseConfig(yaml, 'x.yaml').services
}

/** Remembers what it is told; connections are what a test puts into `failed`. */
const serverName = ({ address, port }: { address: string; port: number }) => `${address}:${port}`

class Host implements CheckHost {
  readonly said: string[] = []
  readonly minds: string[] = []
  readonly failed = new Map<string, number>()
  readonly checker = new Checker(this)
  time = 0

  constructor() {
    after(() => this.checker.stop())
  }

  async netns(): Promise<string> {
    throw new Error('no namespace here')
  }

  changed(...[, rs, { up }]: Parameters<CheckHost['changed']>): void {
    this.minds.push(`${serverName(rs)} ${up}`)
  }

  async hide(): Promise<void> {}
  async reveal(): Promise<void> {}

  before(): undefined {}

  setHealth(...[, rs, health]: Parameters<CheckHost['setHealth']>): void {
    const text = health ? `${health.inhibited ? 'inhibited' : health.weight}` : 'unwatched'
    this.said.push(`${serverName(rs)} ${text}`)
  }

  outcomes(_: unknown, rs: { address: string; port: number }) {
    return { failed: this.failed.get(serverName(rs)) ?? 0, done: 0 }
  }

  warn(text: string): void {
    this.said.push(text)
  }

  info(text: string): void {
    this.said.push(text)
  }

  now(): number {
    return this.time
  }

  fail(...servers: string[]): void {
    for (const rs of servers) this.failed.set(rs, (this.failed.get(rs) ?? 0) + 2)
  }

  async says(count: number): Promise<string[]> {
    await until(
      'words',
      { limitMs: 2000, everyMs: 20 },
      () => this.said.length >= count || undefined,
    )
    return this.said.splice(0)
  }
}

const PASSIVE = 'passive: { failures: 2, within: 10, min: 5, max: 60 }'
const [A, B] = ['192.168.168.2:6379', '192.168.168.8:6379']

test('passive: RSs that fail their connections go, the last one is noticed, and they come back', async () => {
  const host = new Host()
  host.checker.update(services(PASSIVE))
  host.fail(A)
  const why = '2 connections failed within 10 s, it gets no new ones for 5 s'
  assert.deepEqual(await host.says(2), [
    `RS ${A} of TCP 202.108.10.1:6379 is down: ${why}`,
    `${A} inhibited`,
  ])
  host.fail(B)
  assert.deepEqual(await host.says(3), [
    `RS ${B} of TCP 202.108.10.1:6379 is down: ${why}`,
    `${B} inhibited`,
    'TCP 202.108.10.1:6379 has no real server that is up: new connections are dropped',
  ])
  host.time = 5000
  const back = await host.says(5)
  assert.deepEqual(
    back.toSorted(),
    [
      `${A} 100`,
      `${B} 100`,
      `RS ${A} of TCP 202.108.10.1:6379 is up: it is tried again`,
      `RS ${B} of TCP 202.108.10.1:6379 is up: it is tried again`,
      'TCP 202.108.10.1:6379 has a real server again',
    ].toSorted(),
  )
})

test('changes of mind are told apart from the log', async () => {
  const host = new Host()
  host.checker.update(services(PASSIVE))
  host.fail(A)
  await host.says(2)
  host.time = 5000
  await host.says(2)
  assert.deepEqual(host.minds, [`${A} false`, `${A} true`])
})

test('a service whose check is taken away gets back what is configured', async () => {
  const host = new Host()
  host.checker.update(services(PASSIVE))
  host.fail(A)
  await host.says(2)
  host.checker.update(services(''))
  assert.deepEqual(host.said.splice(0), [`${A} unwatched`, `${B} unwatched`])
  host.fail(A)
  await sleep(700)
  assert.deepEqual(host.said, [])
})

test('an RS that is down stays so through changes of its service; a new one begins as up', async () => {
  const host = new Host()
  host.checker.update(services(PASSIVE))
  host.fail(A)
  await host.says(2)
  host.checker.update(services(PASSIVE.replace('min: 5', 'min: 6')))
  host.checker.update(services(PASSIVE.replace('min: 5', 'min: 6'), '192.168.168.2, 192.168.168.9'))
  await sleep(100)
  assert.deepEqual(host.said.splice(0), [`${B} unwatched`])
  host.time = 5000
  assert.deepEqual(await host.says(2), [
    `RS ${A} of TCP 202.108.10.1:6379 is up: it is tried again`,
    `${A} 100`,
  ])
})

test('where there can be no namespace one line says so, and RSs count as up', async () => {
  const host = new Host()
  host.checker.update(services('check: { type: tcp }'))
  await sleep(50)
  assert.deepEqual(host.said, ['real servers are not checked: no namespace here'])
})

const SERVICE = 'TCP 202.108.10.1:6379'
const NOBODY = `${SERVICE} has no real server that is up`

/** What is said without the reasons of single RSs. */
async function saysOf(host: Host, count: number): Promise<string[]> {
  return (await host.says(count)).filter(text => !text.startsWith('RS '))
}

test('when_down all: when every one has failed all have their weights, said once when it begins and ends', async () => {
  const host = new Host()
  const all = `${PASSIVE}\n    when_down: all`
  host.checker.update(services(all))
  host.fail(A)
  assert.deepEqual(await saysOf(host, 2), [`${A} inhibited`])
  host.fail(B)
  const begins = await saysOf(host, 5)
  assert.deepEqual(begins.slice(-3), [
    `${NOBODY}: all of them take new connections as if none had failed`,
    `${A} 100`,
    `${B} 100`,
  ])
  // Other weights count at once; other words about what to do, too.
  host.checker.update(services(all).map(withWeight(7)))
  assert.deepEqual(host.said.splice(0).slice(-2), [`${A} 7`, `${B} 7`])
  host.checker.update(services(PASSIVE).map(withWeight(7)))
  assert.deepEqual(host.said.splice(0).slice(-3), [
    `${NOBODY}: new connections are dropped`,
    `${A} inhibited`,
    `${B} inhibited`,
  ])
  host.checker.update(services(all).map(withWeight(7)))
  host.said.splice(0)
  host.time = 5000
  const ends = await host.says(6)
  assert.equal(ends.filter(text => text === `${SERVICE} has a real server again`).length, 1)
  assert.deepEqual(ends.filter(text => text.startsWith(A)).at(-1), `${A} 7`)
  assert.deepEqual(ends.filter(text => text.startsWith(B)).at(-1), `${B} 7`)
})

function withWeight(weight: number) {
  return (service: ConfigService): ConfigService => ({
    ...service,
    realServers: service.realServers.map(rs => ({ ...rs, weight })),
  })
}

test('a backup is watched by nobody, and the log says that new connections go there', async () => {
  const host = new Host()
  const [service] = services(PASSIVE) as [ConfigService]
  const [a, b] = service.realServers
  assert.ok(a && b)
  host.checker.update([{ ...service, realServers: [a, { ...b, backup: true }] }])
  host.fail(B)
  host.fail(A)
  assert.deepEqual(await saysOf(host, 3), [
    `${A} inhibited`,
    `${NOBODY}: new connections go to the backup ${B}`,
  ])
})

test('an RS that is drained does not count as one that is up', async () => {
  const host = new Host()
  const [service] = services(PASSIVE) as [ConfigService]
  const [a, b] = service.realServers
  assert.ok(a && b)
  host.checker.update([{ ...service, realServers: [a, { ...b, weight: 0 }] }])
  host.fail(A)
  assert.deepEqual(await saysOf(host, 3), [
    `${A} inhibited`,
    `${NOBODY}: new connections are dropped`,
  ])
})

test('a service that is down and then drained is not said to have a real server again', async () => {
  const host = new Host()
  host.checker.update(services(PASSIVE))
  host.fail(A, B)
  assert.equal((await saysOf(host, 5)).at(-1), `${NOBODY}: new connections are dropped`)
  const drained = services(PASSIVE).map(withWeight(0))
  host.checker.update(drained)
  assert.deepEqual(host.said.splice(0), [])
  host.checker.update(services(PASSIVE))
  assert.deepEqual(host.said.splice(0), [`${NOBODY}: new connections are dropped`])
})
