/** A journal as a transcript: it passes, and says what was said; and the same connections under another config. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConfig } from '../../../src/config/config.ts'
import { readJournal } from '../../../src/control/journal/format.ts'
import { asTest } from '../../../src/control/replay/as-test.ts'
import { answerOf } from '../../../src/control/replay/question.ts'
import { replay } from '../../../src/control/replay/replay.ts'
import { whatIf } from '../../../src/control/replay/what-if.ts'
import { frameOf, LAN, RS, SYN, WAN } from '../../kit/connection.ts'
import { offload } from '../../kit/frame.ts'
import { journaled } from '../../kit/journaled.ts'
import { SEED_SEGMENTS, seedConversation } from '../../kit/seed-conversation.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'
import { give, inputOf, type Step, steps, TRAFFIC_CONFIG } from '../../kit/traffic.ts'
import { play } from '../../kit/transcript.ts'

const TWO = SEED_CONFIG.replace(
  /real_servers.*/,
  'real_servers: [{ address: 192.168.168.2 }, { address: 192.168.168.12 }]',
)

const journalOf = async (stand: Stand, work: () => void) =>
  readJournal(await journaled([stand], work))

async function seedJournal() {
  const stand = new Stand().resolveRss()
  return journalOf(stand, () => seedConversation(stand))
}

test('the seed as a transcript passes, with the segments that were recorded', async () => {
  const text = asTest(await seedJournal(), 'seed.journal')
  play(text)
  const went = text.split('\n').filter(line => line.startsWith('> dpdk0'))
  // Without the payload, which is in no journal.
  const said = SEED_SEGMENTS.filter(([arm]) => arm === WAN).map(parts => parts.join(' | '))
  assert.deepEqual(
    went.map(line => line.slice(2)),
    said.map(line => line.replace(/ ".*/, '')),
  )
  assert.equal(text.split('\n').filter(line => line.startsWith('> ')).length, SEED_SEGMENTS.length)
})

test('a transcript of another connection than the recorded one: lport and deltas are its own', async () => {
  const stand = new Stand().resolveRss()
  stand.forward(WAN, { ...SYN, sport: 1111 })
  const journal = await journalOf(stand, () => {
    const syn = stand.forward(WAN, SYN)
    const rs = { ...RS, dport: syn.sport }
    stand.forward(LAN, { ...rs, flags: 'S.', seq: 9000, ack: syn.seq + 1 })
    stand.forward(WAN, { ...SYN, flags: '.', seq: 1001, ack: 9001 })
    stand.change([
      { put: 'no-rs', protocol: 'tcp', vip: SYN.dst, vport: 6379, address: RS.src, port: 6379 },
    ])
    stand.segment(WAN, { ...SYN, sport: 2222 })
    stand.segment(WAN, { ...SYN, sport: 1111, flags: '.' })
  })
  const text = asTest(journal, 'other.journal')
  play(text)
  assert.match(text, /\n> dpdk1 \| 192\.168\.168\.2\.6379 > 192\.168\.168\.7\.1025: Flags \[S\.\]/)
  assert.match(text, /\ndrop TCP_NO_RS\n/)
  assert.match(text, /# Left out: 1 frame of older connections/)
})

test('the connections that were cut are cut, wherever the RS is there', async () => {
  const stand = new Stand(TWO).resolveRss()
  const service = { protocol: 'tcp' as const, address: SYN.dst, port: 6379 }
  const gone = { edit: 'delete-server' as const, service, server: { address: RS.src } }
  await stand.model.edit([gone], false, async changes => stand.change(changes))
  const rs = { ...RS, src: '192.168.168.12' }
  const journal = await journalOf(stand, () => {
    const syn = stand.forward(WAN, SYN)
    const ends = { ...rs, dport: syn.sport }
    stand.forward(LAN, { ...ends, flags: 'S.', seq: 9000, ack: syn.seq + 1 })
    // Who knows where that one was.
    stand.change([{ put: 'cut', place: 0 }])
    stand.pass(5)
    stand.change([{ put: 'cut', place: 1 }])
    stand.pass(100)
    stand.forward(WAN, { ...SYN, sport: 2222 })
  })
  const text = asTest(journal, 'cut.journal')
  play(text)
  assert.equal(text.match(/^change /gm)?.length, 1)
  assert.match(text, /\nchange \{"put":"cut","place":0\}\n/)
  assert.match(text, /\n< dpdk0 \| 202\.108\.10\.1\.6379 > .*: Flags \[R\]/)
})

test('lists of files are those that the workers had: no file is read again', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-lists-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'deny.txt')
  writeFileSync(path, `${SYN.src}\n`, { mode: 0o600 })
  const yaml = SEED_CONFIG.replace('protocol: tcp', `protocol: tcp\n    deny_file: ${path}`)
  const stand = new Stand(yaml).resolveRss()
  const asked = frameOf(stand, 'in', SYN)
  const began = await journalOf(stand, () => {})
  const journal = await journalOf(stand, () => {
    stand.segment(WAN, SYN)
    stand.forward(WAN, { ...SYN, src: '202.108.10.3' })
    // It is read again, and holds nobody any more.
    stand.change([{ put: 'list', name: path, part: 0, parts: 1, prefixes: '' }])
    stand.forward(WAN, SYN)
  })
  rmSync(path)

  const { frames, checks, difference } = replay(journal)
  assert.deepEqual([frames, checks, difference], [3, 1, undefined])
  assert.match(JSON.stringify(answerOf(began, { bytes: asked }).frame), /acl_denied/i)
  const text = asTest(journal, 'lists.journal')
  play(text)
  assert.equal(text.match(/^drop ACL_DENIED$/gm)?.length, 1)
  assert.doesNotMatch(text, /deny_file/)
  assert.equal(whatIf(began, stand.config).groups.length, 0)
  const { groups } = whatIf(journal, stand.config)
  assert.equal(groups.map(({ here }) => here).join(), 'dropped, acl_denied')
})

test('a large frame is told in its segments', async () => {
  const stand = new Stand().resolveRss()
  const journal = await journalOf(stand, () => {
    const { sport } = stand.forward(WAN, SYN)
    stand.forward(LAN, { ...RS, dport: sport, flags: 'S.', seq: 9000, ack: 0 })
    const payload = new Uint8Array(4000)
    stand.inputRaw(WAN, offload(frameOf(stand, 'in', { flags: 'P.', payload }), 1448))
  })
  const text = asTest(journal, 'large.journal')
  play(text)
  assert.match(
    text,
    /Flags \[\.\], seq 1001:2449, .*\n.*\n.*Flags \[\.\], seq 2449:3897, .*\n.*\n.*Flags \[P\.\], seq 3897:5001/,
  )
})

test('any traffic makes a transcript that passes', async () => {
  const from = {
    client: '202.108.10.2',
    sport: 40_000,
    vport: 6379,
    conn: null,
    fits: false,
  } as const
  await fc.assert(
    fc.asyncProperty(steps(60), async list => {
      const stand = new Stand(TRAFFIC_CONFIG)
      const journal = await journalOf(stand, () => {
        const first: Step = { step: 'client', ...from, flags: 'S', seq: 1, ack: 0, payload: 0 }
        for (const step of [first, ...list]) {
          const input = inputOf(step, stand)
          if (input) give(input, stand)
        }
      })
      play(asTest(journal, 'any.journal'))
    }),
    { numRuns: 6, endOnFailure: true, includeErrorInReport: true },
  )
})

test('another config: which verdicts differ, and where connections go', async () => {
  const journal = await seedJournal()
  const same = whatIf(journal, parseConfig(SEED_CONFIG, 'same.yaml'))
  assert.deepEqual(same.groups, [])
  assert.deepEqual(same.servers, [{ rs: '192.168.168.2:6379', recorded: 1, here: 1 }])
  assert.equal(same.frames, SEED_SEGMENTS.length)

  const moved = SEED_CONFIG.replace('192.168.168.2,', '192.168.168.99,')
  const other = whatIf(journal, parseConfig(moved, 'moved.yaml'))
  assert.deepEqual(other.groups, [], 'the segments follow to another RS')
  assert.deepEqual(
    other.servers.map(({ rs, here }) => [rs, here]),
    [
      ['192.168.168.2:6379', 0],
      ['192.168.168.99:6379', 1],
    ],
  )

  const drained = SEED_CONFIG.replace('weight: 100', 'weight: 0')
  const { groups, leftOut } = whatIf(journal, parseConfig(drained, 'drained.yaml'))
  assert.deepEqual(
    groups.map(({ recorded, here, frames }) => ({ recorded, here, frames })),
    [{ recorded: 'sent on dpdk1', here: 'dropped, tcp_no_rs', frames: 1 }],
  )
  assert.equal(leftOut.gone, SEED_SEGMENTS.length - 1)
})
