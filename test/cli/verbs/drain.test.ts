/** What `tapvs drain` says when the config changes under it: nothing that it cannot know, and it cuts nobody who is back. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Answer, Request, ServiceInfo } from '../../../src/api/commands.ts'
import { serve } from '../../kit/api.ts'
import { inside } from '../../kit/inside.ts'
import { SERVICES } from '../canned.ts'

const SERVER = '192.168.168.2:6379'

/** A daemon that lists these services one after the other, the last one for ever, and has so many to cut each time. */
async function drained(
  t: TestContext,
  listings: ServiceInfo[][],
  cuts: number[],
  ...options: string[]
) {
  const asked: string[] = []
  const respond = async ({ verb }: Request): Promise<Answer> => {
    asked.push(verb)
    if (verb === 'services') return { ok: (listings[1] ? listings.shift() : listings[0]) ?? [] }
    if (verb === 'cut') return { ok: { connections: cuts.shift() ?? 0 } }
    return { ok: { steps: [], restart: [], warnings: [] } }
  }
  const { path } = await serve(t, respond)
  const { code, stdout, stderr } = await inside(['--socket', path, 'drain', SERVER, ...options])
  // How long it took is the machine's business.
  return {
    code,
    stdout: stdout.replace(/\d+ s/, 'N s'),
    stderr,
    cuts: asked.filter(verb => verb === 'cut').length,
  }
}

function listing(weight: number, active_conns: number): ServiceInfo[] {
  return SERVICES.map(service => ({
    ...service,
    real_servers: service.real_servers.map(rs => ({ ...rs, weight, active_conns })),
  }))
}
const GONE = SERVICES.map(service => ({ ...service, real_servers: [] }))

test('a server that is deleted while it is drained is not said to have no connection left', async t => {
  const said = await drained(t, [listing(100, 3), listing(0, 3), GONE], [])
  assert.deepEqual(said, {
    code: 1,
    stdout: `${SERVER} has 3 active and 1 inactive connections, N s\n`,
    stderr: `tapvs: ${SERVER} was deleted meanwhile, so no listing has its connections; tapvs drain ${SERVER} --cut ends them\n`,
    cuts: 0,
  })
})

test('with --cut its connections are cut when the time is over', async t => {
  const said = await drained(t, [listing(100, 3), GONE], [1, 0], '--cut', '--timeout', '0.2')
  assert.deepEqual(said, {
    code: 0,
    stdout: `${SERVER} is deleted and has 1 connection, being cut\n${SERVER} has no connection left\n`,
    stderr: '',
    cuts: 2,
  })
})

test('a server that gets its weight back is not drained any more, and is not cut again', async t => {
  const back = `tapvs: ${SERVER} takes new connections again, so it is not drained any more\n`
  const drain = await drained(t, [listing(100, 3), listing(0, 3), listing(100, 4)], [3], '--cut')
  assert.deepEqual([drain.code, drain.stderr, drain.cuts], [1, back, 1])
  const deleted = await drained(t, [GONE, listing(100, 4)], [3], '--cut')
  assert.deepEqual([deleted.code, deleted.stderr, deleted.cuts], [1, back, 1])
})

test('a match service is named by its criteria, and pings are of no other', async t => {
  const match = SERVICES.slice(0, 1).map(service => ({
    ...service,
    ...{ protocol: 'icmp' as const, address: 'from=10.0.0.1,oif=ext0', port: 0 },
  }))
  const idle = [...match, ...listing(100, 3)].map(service => ({
    ...service,
    real_servers: service.real_servers.map(rs => ({
      ...rs,
      ...(service.protocol === 'icmp' && { active_conns: 0, inactive_conns: 0 }),
    })),
  }))
  const said = await drained(t, [idle], [], '--service', 'icmp:oif=ext0,src-range=10.0.0.1')
  assert.deepEqual([said.code, said.stderr], [0, ''])
  assert.match(said.stdout, /is drained/)
  const wrong = await drained(t, [idle], [], '--service', 'icmp:10.0.0.1:80')
  assert.equal(wrong.code, 2)
  assert.match(
    wrong.stderr,
    /^tapvs: --service: expected tcp or udp, found icmp; pings are of match/,
  )
})
