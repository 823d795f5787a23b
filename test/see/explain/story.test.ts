/** The stories of connections: whatever they went through, the reasons are told, and in whole sentences. */

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { factsOf, livesOf } from '../../../src/see/explain/story.ts'
import { spanText } from '../../../src/see/explain/story-datagrams.ts'
import { attemptText, storyText } from '../../../src/see/explain/story-text.ts'
import { type Story, storyOf } from '../../../src/see/explain/story-words.ts'
import { ipv4Int } from '../../../src/wire/address.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../../kit/connection.ts'
import { contextOfStand } from '../../kit/explain.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'
import { playRecorded } from '../../kit/transcript.ts'
import '../../kit/utc.ts'

const FOLDER = join(CHECKOUT, 'test', 'transcripts')

function stories(stand: Stand): Story[] {
  const context = contextOfStand(stand)
  return livesOf(stand.moments()).lives.map(life => storyOf(factsOf(life), context, null))
}

function recorded(config = SEED_CONFIG): Stand {
  return new Stand(config).resolveRss().record()
}

function why(stand: Stand, label: string): string {
  const [story] = stories(stand)
  return story?.why.find(([name]) => name === label)?.[1] ?? ''
}

test('every transcript can be told', () => {
  for (const file of readdirSync(FOLDER)) {
    const stand = playRecorded(file.replace(/\.txt$/, ''))
    const context = contextOfStand(stand)
    const { lives, attempts } = livesOf(stand.moments())
    assert.ok(lives.length + attempts.length > 0, file)
    const texts = lives.map(life => storyText(storyOf(factsOf(life), context, null)))
    texts.push(...attempts.map(attempt => attemptText(attempt, context).join('\n')))
    for (const text of texts)
      assert.doesNotMatch(text, /undefined|null|NaN|\[object|\bnone >/, file)
  }
})

test('the end has its reason, by what happened before', () => {
  const ends: [transcript: string, end: RegExp][] = [
    ['seed-client-close', /^both ends had closed; 7\.\d\d s after .* TIME_WAIT \(7 s\) ran out/],
    ['rs-refuses', /^it was closed by this segment, real server: IP .*Flags \[R\.?\]/],
    ['half-open-expiry', /^the (real server|client) never answered/],
    ['client-reset', /^it was closed by this segment, client: IP .*Flags \[R\.?\]/],
    ['idle-established', /^nothing passed any more, and neither end had closed/],
  ]
  for (const [name, end] of ends) {
    const all = stories(playRecorded(name))
    assert.ok(
      all.some(story => end.test(story.end[0] ?? '')),
      `${name}: ${JSON.stringify(all.map(s => s.end))}`,
    )
  }
})

test('connections that are cut say so, each with who was told', () => {
  const ends = stories(playRecorded('cut')).map(({ end }) => end)
  assert.equal(ends.length, 5)
  for (const [first] of ends)
    assert.match(first ?? '', /^its connections to this real server were cut, at /)
  for (const [, client, rs] of ends.slice(0, 3)) {
    assert.match(client ?? '', /^to the client on dpdk0: IP .* Flags \[R\]/)
    assert.match(rs ?? '', /^to the real server on dpdk1: IP .* Flags \[R\]/)
  }
  for (const [, told] of ends.slice(3)) assert.equal(told, 'nobody was told')
  const outs = playRecorded('cut').moments()
  const rsts = outs.filter(moment => moment.kind === 'out' && moment.own === 'rst_on_cut')
  assert.equal(rsts.length, 6)
})

test('half closed and left so', () => {
  const half = (arm: string, fin: object) => {
    const stand = recorded()
    stand.segment(WAN, SYN)
    stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 })
    stand.segment(WAN, CLIENT)
    stand.segment(arm, { ...fin, flags: 'F.' } as typeof CLIENT)
    stand.pass(9000)
    return stories(stand)[0]?.end
  }
  assert.match(
    half(WAN, CLIENT)?.[0] ?? '',
    /^the client had closed, the real server never did; .*CLOSE_WAIT/,
  )
  assert.match(
    half(LAN, RS)?.[0] ?? '',
    /^the real server had closed, the client never did; .*FIN_WAIT/,
  )
  assert.match(half(LAN, RS)?.[1] ?? '', /^nobody is told/)
})

test('a client that uses its port again has two connections', () => {
  const [first, second, ...more] = stories(playRecorded('reuse-time-wait'))
  assert.equal(more.length, 0)
  assert.match(first?.now ?? '', /^ended in TIME_WAIT/)
  assert.match(
    first?.end[0] ?? '',
    /^both ends had closed; 3\.00 s after its last segment its client began another connection/,
  )
  assert.match(second?.why.find(([name]) => name === 'LIP and lport')?.[1] ?? '', /:1025: that of/)
  assert.match(
    second?.why.find(([name]) => name === 'sequence')?.[1] ?? '',
    /the client began at 500, we at 3108491/,
  )
  assert.equal(second?.happened[0]?.what, 'NONE -> SYN_RECV, timer 30 s')
})

test('what the RS still had is told with the connection that was ended for another', () => {
  const [first, second] = stories(playRecorded('reuse-half-closed'))
  assert.match(first?.end[0] ?? '', /^the client had closed, the real server never did; 2\.00 s/)
  assert.match(first?.end[1] ?? '', /^what the real server still had of it was reset, on dpdk1: IP/)
  assert.equal(first?.end.length, 2)
  assert.match(second?.why.find(([name]) => name === 'LIP and lport')?.[1] ?? '', /:1026: the LIP/)
})

test('a SYN in the place of a connection that is over may be refused, and is of none then', () => {
  const { lives, attempts } = livesOf(playRecorded('reuse-no-rs').moments())
  assert.deepEqual([lives.length, lives[0]?.ended], [1, true])
  assert.deepEqual(
    attempts.map(({ drop }) => drop),
    ['tcp_no_rs', 'tcp_no_rs'],
  )
})

test('and so it has with tcp.reuse keep', () => {
  const [first, second, ...more] = stories(playRecorded('reuse-keep'))
  assert.equal(more.length, 0)
  assert.match(first?.now ?? '', /^ended in TIME_WAIT/)
  assert.match(first?.end[0] ?? '', /its client began another connection/)
  assert.match(second?.why[0]?.[1] ?? '', /tcp.reuse is keep: same real server/)
  assert.match(
    second?.happened[0]?.what ?? '',
    /^TIME_WAIT -> SYN_RECV, timer 30 s; another connection/,
  )
})

test('a SYN that came again on a connection that is over is said to be that', () => {
  const [story, ...more] = stories(playRecorded('reuse-late-syn'))
  assert.equal(more.length, 0)
  const again = story?.happened.find(({ what }) => /TIME_WAIT -> SYN_RECV/.test(what))
  assert.match(again?.what ?? '', /; the SYN that opened it came again$/)
})

test('persistence, thresholds and the weight of the real server that was taken', () => {
  const rss = `real_servers: [{ address: 192.168.168.2, weight: 7, upper_threshold: 5 }, { address: 192.168.168.4, weight: 1 }]
    persistence: 300`
  const stand = recorded(SEED_CONFIG.replace(/real_servers: .*/, rss))
  stand.segment(WAN, SYN)
  assert.equal(
    why(stand, 'real server'),
    '192.168.168.2:6379, chosen by the scheduler wrr: weight 7, one of 2 real servers, at most 5 connections, 1 now',
  )
  stand.segment(WAN, { ...SYN, sport: 4000 })
  assert.match(
    why(stand, 'real server'),
    /^192\.168\.168\.2:6379, because its client had been there before \(persistence 300 s\)/,
  )
})

test('a LIP without lports is passed over, and that is told', () => {
  const config = SEED_CONFIG.replace('[192.168.168.7]', '[192.168.168.7, 192.168.168.8]')
  const stand = new Stand(config, undefined, { lports: { mask: 4095, residue: 7 } })
    .resolveRss()
    .record()
  const { lips } = stand.engine
  const rip = ipv4Int('192.168.168.2')
  // All of the first LIP's towards this RS.
  while (lips[0].freeTowards(rip, 6379) > 0) lips[0].fetch(rip, 6379)
  const told: string[] = []
  for (let i = 0; i < 2; i++) {
    stand.segment(WAN, { ...SYN, sport: 5000 + i })
    told.push(why(stand, 'LIP and lport'))
  }
  assert.ok(
    told.some(text => /^192\.168\.168\.8:\d+: after 1 LIP without a free lport/.test(text)),
    told.join(),
  )
})

test('frames that wait for a MAC, in vain', () => {
  const stand = new Stand().record()
  stand.segment(WAN, SYN)
  stand.segment(WAN, SYN)
  stand.pass(40_000)
  const [story] = stories(stand)
  assert.ok(
    story?.traffic.includes(
      'waited for the MAC of the next hop: 2, and 2 in vain (neigh_unresolved)',
    ),
    story?.traffic.join(),
  )
  assert.match(story.end[0] ?? '', /^the real server never answered the SYN/)
})

test('a TOA that found no room, and one that nobody wants', () => {
  assert.match(why(playRecorded('toa-no-room-seed'), 'TOA'), /times not: toa_no_room|does not know/)
  const off = recorded(`${SEED_CONFIG}\ntcp: { toa: off }`)
  off.segment(WAN, SYN)
  assert.equal(why(off, 'TOA'), 'the real server does not know 202.108.10.2:33896: tcp.toa is off')
})

test('a ring that begins in the middle of a connection says so', () => {
  const stand = recorded()
  stand.segment(WAN, SYN)
  stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 })
  stand.moments()
  stand.segment(WAN, CLIENT)
  const [story] = stories(stand)
  assert.deepEqual(
    story?.why.map(([label]) => label),
    ['beginning'],
  )
  assert.match(story?.now ?? '', /^was ESTABLISHED when last heard of/)
  assert.deepEqual(story?.end, ['its end is not in the recorder'])
})

test('spans', () => {
  assert.deepEqual([0, 999, 1000, 12_345, 999_900, 1_000_000].map(spanText), [
    '0 us',
    '999 us',
    '1.0 ms',
    '12.3 ms',
    '999.9 ms',
    '1.00 s',
  ])
})
