/**
 * Who means harm, beyond floods of SYNs: LAND, ARP of somebody else, fragments of datagrams that never become whole, a table full of clients
 * that say a byte now and then. A connection that is open has every request answered meanwhile, and the log says what happened.
 */
// alone: it judges what an attack leaves of redis

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { logSince } from '../../netns/appliance.ts'
import { mustRun, until } from '../../netns/processes.ts'
import { beside } from '../kit/beside.ts'
import type { Drips } from '../kit/drips.ts'
import { flooder } from '../kit/flooder.ts'
import { heldOpen } from '../kit/holder.ts'
import {
  CIP,
  countersOf,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const TABLE = 256
const HELD = 10
const folder = scratchFolder()
const config = labConfig(folder, 'others', yaml => {
  yaml.set('connections', { table_size: TABLE, client_share: '100%' })
  yaml.setIn(['tcp', 'timeouts', 'time_wait'], 1)
})
const lab = labForTests('others', { config })
const attack = flooder(lab, folder)

/** Redis as those see it who were there before, while `work` is done. => the longest time between two answers, ms */
async function during(t: TestContext, work: () => Promise<void>): Promise<number> {
  const open = await heldOpen(t, lab, HELD)
  await work()
  const { received, sent, answered, longestMs } = await open.end()
  t.diagnostic(`${received} of ${sent} requests answered, at most ${longestMs.toFixed(0)} ms apart`)
  assert.deepEqual([received, answered], [sent, HELD])
  return longestMs
}

async function counted(name: string): Promise<number> {
  const { drops, events } = await countersOf(lab)
  return drops[name] ?? events[name] ?? 0
}

/** Lines of the log since then that have the words. */
function logged(since: number, words: RegExp): string[] {
  return logSince(lab.paths, since)
    .split('\n')
    .filter(line => words.test(line))
}

const here = () => Buffer.byteLength(logSince(lab.paths, 0))

test('a table full of clients that say a byte now and then: they and others go on, and a new one is refused by name', async t => {
  const before = await counted('conn_table_full')
  let drips = {} as Drips
  await during(t, async () => {
    const slow = beside<Drips>(t, lab, 'drips', TABLE - HELD - 1, 150)
    await slow.said('open')
    const { stdout } = await lab.client(['timeout', '1.5', 'redis-cli', '-h', VIP, 'ping'])
    assert.equal(stdout, '')
    drips = await slow.end()
  })
  assert.deepEqual(drips, { answered: TABLE - HELD - 1, ended: [] })
  assert.ok((await counted('conn_table_full')) > before)
  assert.ok(logged(0, /lports or records are short: .* for want of a record/).length > 0)
  await until('room again', { limitMs: 9000, everyMs: 300 }, async () => {
    const { stdout } = await lab.client(['timeout', '1', 'redis-cli', '-h', VIP, 'ping'])
    return stdout === 'PONG\n' || undefined
  })
  assert.equal((await countersOf(lab)).drops.engine_error ?? 0, 0)
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln', '-c'), new RegExp(CIP))
})

test('LAND: the VIP, or a LIP, as who sends', async t => {
  const refusals = async () => (await counted('ip_source')) + (await counted('tcp_no_service'))
  const before = await refusals()
  let sent = 0
  await during(t, async () => {
    sent += await attack('client', VIP, VIP, '6379:6379-6379', 'S', 5000, 0.5)
    sent += await attack('client', LIP, VIP, 6379, 'S', 5000, 0.5)
    sent += await attack('rs', LIP, LIP, '6379:1025-2000', 'S', 5000, 0.5)
  })
  const refused = (await refusals()) - before
  assert.ok(sent > 3000 && refused > sent * 0.9, `${refused} of ${sent}`)
})

test('fragments of datagrams that never become whole: honest ones still do', async t => {
  let sent = 0
  await during(t, async () => {
    const flooding = attack('client', 'any', VIP, 6379, 'frag', 5000, 1.2)
    await mustClient(lab, ['ping', '-c', '5', '-i', '0.2', '-s', '4000', VIP])
    sent = await flooding
  })
  const dropped = (await counted('fragment_no_room')) + (await counted('fragment_timeout'))
  assert.ok(sent > 3000 && dropped > sent * 0.8, `${dropped} of ${sent}`)
})

test('ARP: who claims the address of the RS is told, bounded, and what he cut goes on when he is gone', async t => {
  const since = here()
  await during(t, async () => {
    await attack('rs', RIP, RIP, 0, 'arp', 1000, 1)
    assert.match(await mustTapvs(lab, 'dpip', 'neigh', 'show'), /192\.168\.168\.2 .* flaps\n/)
    await until('an answer', { limitMs: 5000, everyMs: 100 }, async () => {
      const { stdout } = await lab.client(['timeout', '2', 'redis-cli', '-h', VIP, 'ping'])
      return stdout === 'PONG\n' || undefined
    })
    // What its kernel repeats comes later than that.
    await new Promise(done => setTimeout(done, 1500))
  })
  assert.equal(await counted('neigh_flaps'), 1)
  assert.ok((await counted('neigh_moved')) > 500)
  const [line = '', ...more] = logged(since, /changes its MAC again and again/)
  assert.match(
    line,
    /NEIGHBOUR: 192\.168\.168\.2 on int0 .*arms\[\]\.neighbours fixes the right one/,
  )
  assert.deepEqual(more, [])
  assert.ok(logged(since, /moved from/).length <= 6)
})

test('and an address that is fixed is nobody else’s', async t => {
  const moved = await counted('neigh_moved')
  const [mac = ''] = /(?<=link\/ether )\S+/.exec(
    await mustRun(lab.inside('rs', ['ip', 'link', 'show', 'int0'])),
  ) as RegExpExecArray
  await mustTapvs(lab, 'dpip', 'neigh', 'add', RIP, 'lladdr', mac, 'dev', 'int0')
  const longestMs = await during(t, async () => {
    await attack('rs', RIP, RIP, 0, 'arp', 1000, 1)
  })
  assert.equal(await counted('neigh_moved'), moved)
  assert.ok(longestMs < 1000, `${longestMs} ms`)
})

test('ARP: who claims an address of ours is told once a second, and not believed', async t => {
  const since = here()
  const before = await counted('arp_claims_ours')
  await during(t, async () => {
    await attack('client', VIP, VIP, 0, 'arp', 1000, 1.5)
  })
  assert.ok((await counted('arp_claims_ours')) - before > 1000)
  const lines = logged(since, /claims our address 202\.108\.10\.1/)
  assert.ok(lines.length >= 1 && lines.length <= 3, lines.join('\n'))
})
