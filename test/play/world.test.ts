/** The playground's world: the seed's conversation is the seed's, and whatever is played is what a stand of the tests gives too. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { captureOf } from '../../src/play/capture.ts'
import { edgesOf, type Played, statesOf } from '../../src/play/played.ts'
import { DEFAULTS, ofLink, scenarioOf } from '../../src/play/scenario.ts'
import { transcriptOf } from '../../src/play/transcript.ts'
import { play } from '../../src/play/world.ts'
import { readCapture } from '../../src/see/capture/pcap.ts'
import { play as playTranscript } from '../kit/transcript.ts'

const SEED = scenarioOf({ workers: 7, worker: 5, isn: 2_976_553_321 })

const of = (link: string) => play(ofLink(`v=1&${link}`))

/** Packets and log lines of a transcript, or of what was played, until time passes at the end. */
function conversation({ steps }: Played): string[] {
  return steps.flatMap(({ given, sent, said }) =>
    'packet' in given
      ? [`> ${given.packet}`, ...sent.map(line => `< ${line}`), ...said.map(line => `log ${line}`)]
      : [],
  )
}

test('the seed is played packet by packet, log lines too', () => {
  const seed = readFileSync(join(CHECKOUT, 'test/transcripts/seed-client-close.txt'), 'utf8')
  const before = seed.split('show conns')[0] ?? ''
  const lines = before
    .split('\n')
    .filter(line => /^(>|<|log) /.test(line))
    .map(line => line.replace(/ ".*"$/, '').replace(/~$/, ''))
  assert.ok(lines.length > 30)
  const played = play(SEED)
  assert.deepEqual(conversation(played), lines)
  const rows = played.steps.filter(({ given }) => 'packet' in given).at(-1)?.conns
  assert.deepEqual(rows, [
    '[5]tcp 7s     TIME_WAIT   202.108.10.2:33896 202.108.10.1:6379  192.168.168.7:1028 192.168.168.2:6379',
  ])
  assert.equal(played.used, 0)
})

test('neither end sees the other’s states: LAST-ACK of the RS’s socket is TIME_WAIT here', () => {
  const played = play(DEFAULTS)
  assert.deepEqual(statesOf(played), ['SYN_RECV', 'ESTABLISHED', 'CLOSE_WAIT', 'TIME_WAIT'])
  assert.ok(played.moves.some(({ who, to }) => who === 'rs' && to === 'LAST-ACK'))
  const edges = played.steps.flatMap(({ moments }) => edgesOf(moments))
  assert.deepEqual(edges.at(-1), 'CLOSE_WAIT TIME_WAIT')
})

/** What each of these is there for is in its lesson, or in its name. */
const PLAYED = [
  'closes=rs&requests=3&bytes=3000&answer=4000',
  'closes=both&lost=vip.1%20rs.3',
  'closes=client-only',
  'closes=rs-only&strict=off&toa=master',
  'closes=client-reset&toa=off',
  'closes=rs-reset&connections=3&servers=100%2050-refuses%201-silent',
  'closes=nobody&seconds=92',
  'lost=client.2%20lip.4%20client.5',
  'syn_proxy=on&flood=40&seconds=2',
  'flood=60&workers=3&worker=2&seconds=2',
  'protocol=udp&uoa=opp&requests=3&connections=2',
  'protocol=udp&uoa=ipo&servers=1%202&connections=4&scheduler=rr',
  'bare_ack=rst&closes=nobody&seconds=3',
]

test('what was played is a transcript, which the engine of a stand plays to the same packets', () => {
  for (const link of PLAYED) {
    const played = of(link)
    assert.equal(played.cut, false, link)
    const stand = playTranscript(transcriptOf(played))
    assert.equal(stand.engine.conns.table.used, played.used, link)
  }
})

test('what is lost is sent again, and all answers come whole', () => {
  const played = of(
    'lost=client.1%20vip.1%20client.4%20lip.3%20rs.3&requests=2&bytes=4000&answer=4000',
  )
  assert.equal(played.beside.filter(({ lost }) => lost !== null).length, 5)
  assert.deepEqual(played.answers, [2])
  assert.equal(played.moves.at(-1)?.to, 'CLOSED')
})

test('weights share connections out, and an RS that refuses answers none', () => {
  assert.deepEqual(of('servers=30%2010&connections=8').served, [6, 2])
  const refused = of('servers=10%2010-refuses&connections=2')
  assert.deepEqual(refused.served, [1, 0])
  assert.equal(
    refused.moves.filter(
      ({ who, from, to }) => who === 'client' && from === 'SYN-SENT' && to === 'CLOSED',
    ).length,
    1,
  )
})

test('an RS that does not answer SYNs still says its MAC when it is asked again', () => {
  const played = of('servers=1-silent&connections=12&gap=100&seconds=3')
  const lines = played.steps.flatMap(({ given }) => ('packet' in given ? [given.packet] : []))
  assert.ok(lines.includes('dpdk1 | arp 192.168.168.2'))
  assert.equal(played.refusals.length, 0)
  assert.equal(playTranscript(transcriptOf(played)).engine.conns.table.used, played.used)
})

test('the capture has each packet on both arms', () => {
  const played = play(SEED)
  const captured = readCapture(captureOf(played))
  assert.deepEqual(
    captured.interfaces.map(({ name }) => name),
    ['dpdk0', 'dpdk1'],
  )
  assert.equal(captured.packets.length, 20)
  assert.ok(captured.packets.every(({ comments }) => comments.length > 0))
})

test('the same scenario is the same conversation', () => {
  const link = 'connections=3&lost=rs.2&servers=1%202'
  assert.deepEqual(conversation(of(link)), conversation(of(link)))
})
