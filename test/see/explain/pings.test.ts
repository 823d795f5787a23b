/** Pings by SNAT in words: stories, what refused ones are told, and the words that find them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOf, livesOf } from '../../../src/see/explain/story.ts'
import { attemptText, storyText } from '../../../src/see/explain/story-text.ts'
import { storyOf } from '../../../src/see/explain/story-words.ts'
import { parseFilter } from '../../../src/see/moments/filter.ts'
import type { Moment } from '../../../src/see/moments/moment.ts'
import { contextOfStand } from '../../kit/explain.ts'
import type { Stand } from '../../kit/stand.ts'
import { play, playRecorded } from '../../kit/transcript.ts'
import '../../kit/utc.ts'

function told(stand: Stand, moments: readonly Moment[]): string[] {
  const context = contextOfStand(stand)
  return livesOf(moments).lives.map(life => storyText(storyOf(factsOf(life), context, null)))
}

test('a ping has its story: whom it asked, its identifiers, the reply, and its end', () => {
  const stand = playRecorded('snat-ping')
  const [story = '', other = '', ...more] = told(stand, stand.moments())
  assert.equal(more.length, 0)
  assert.match(story, /\n {2}destination +10\.1\.2\.3, as the client has it\n/)
  assert.match(story, /\n {2}identifier +4660 of the client is 1025 outside; /)
  assert.match(story, /\n {2}answer +the host outside answered after 0 us\n/)
  assert.match(story, /NONE -> ICMP_ONEWAY, timer 60 s\n +client: IP .* echo request, id 4660/)
  assert.match(story, /ICMP_ONEWAY -> ICMP_NORM, timer 60 s\n +host outside: IP .* echo reply, id/)
  assert.match(story, /from the client: 2 packets, 112 bytes of payload\n/)
  assert.match(story, /from the host outside: 2 packets, 112 bytes of payload\n/)
  assert.match(story, /nothing passed any more; 6\d.* after its last echo the timer of ICMP_NORM/)
  assert.match(story, /\n {2}nobody is told: the identifier is free for another\n/)
  assert.doesNotMatch(story, /ICMP error|segment|without a reply|real server/)
  assert.match(other, /the host outside has not answered/)
  assert.match(other, /\n {2}without a reply: 1 request, seq 1\n/)
  assert.match(other, /the host outside never replied; .* the timer of ICMP_ONEWAY \(60 s\)/)
})

test('an error about a ping is told as one, of others and of our own', () => {
  const stand = playRecorded('snat-ping-errors')
  const [traced = '', silent = ''] = told(stand, stand.moments())
  assert.match(traced, /from the host outside's side quotes a packet of it, and goes on to the/)
  assert.match(traced, /in-transit, length \d+, about .*: ICMP echo request, id 1025, seq 1\n/)
  assert.match(silent, /the client is told by an ICMP error of our own\n.*202\.108\.10\.77 unreach/)
  assert.match(silent, /waited for the MAC of the next hop: 1, and 1 in vain/)
})

test('the time of a match service is that of the one which takes the ping', () => {
  const config = `config
| arms:
|   - name: ext0
|     addresses: [202.108.10.1/24]
|     local_addresses: [202.108.10.3]
|     routes: [{ to: default, via: 202.108.10.254 }]
|     neighbours: [{ address: 202.108.10.254, mac: 52:54:00:00:00:fe }]
|   - name: int0
|     addresses: [192.168.168.3/24]
| snat:
|   - { protocol: icmp, in: int0, addresses: [{ address: 202.108.10.3 }] }
|   - { protocol: icmp, source: 192.168.168.2, conn_timeout: 90, addresses: [{ address: 202.108.10.3 }] }
|   - { protocol: icmp, source: 192.168.168.5, addresses: [{ address: 202.108.10.3, weight: 0 }] }`
  const ping = (host: string) =>
    `> int0 | ${host} > 10.1.2.3: ICMP echo request, id 7, seq 1, length 8`
  const out = '< ext0 | 202.108.10.3 > 10.1.2.3: ICMP echo request, id 1025, seq 1, length 8'
  const refused =
    '< int0 | (tos 0xc0, ttl 64) 192.168.168.3 > 192.168.168.5: ICMP 3/13, about icmp 192.168.168.5 > 10.1.2.3, echo request, id 7, seq 1'
  const own = '> ext0 | 202.108.10.2 > 202.108.10.1: ICMP echo request, id 9, seq 1, length 8'
  const answered = '< ext0 | 202.108.10.1 > 202.108.10.2: ICMP echo reply, id 9, seq 1, length 8'
  const lines = [ping('192.168.168.2'), out, ping('192.168.168.9'), out.replace('1025', '1026')]
  const text = [config, ...lines, ping('192.168.168.5'), refused, own, answered].join('\n')
  const stand = play(text, fresh => fresh.record())
  const moments = stand.moments()
  const [narrow = '', wide = ''] = told(stand, moments)
  assert.match(narrow, /NONE -> ICMP_ONEWAY, timer 90 s/)
  assert.match(wide, /NONE -> ICMP_ONEWAY, timer 60 s/)
  // A ping to ourselves is none that was refused.
  const attempts = livesOf(moments).attempts
  assert.equal(attempts.length, 1)
  const [first = ''] = attempts.map(attempt => attemptText(attempt, contextOfStand(stand))[0])
  assert.match(
    first ?? '',
    /168\.5:7 > 10\.1\.2\.3:0 opened no connection and was answered with an/,
  )
})

test('pings are found by their identifiers, and in their own family', () => {
  const packets = (name: string, words: string) => {
    const moments = playRecorded(name).moments().filter(parseFilter(words))
    return moments.filter(({ kind }) => kind !== 'event')
  }
  assert.equal(packets('snat-ping', 'conn 192.168.168.2:4660').length, 8)
  // What is of no connection goes by its own identifier: the reply behind the end.
  assert.equal(packets('snat-ping', 'lip 202.108.10.3:1025').length, 9)
  assert.equal(packets('snat-ping', 'drop and conn 202.108.10.3:1027').length, 1)
  assert.equal(packets('snat-ping', 'icmp').length, packets('snat-ping', '').length)
  assert.equal(packets('snat-ping', 'icmp6').length, 0)
  assert.equal(packets('snat6-ping', 'icmp6').length, packets('snat6-ping', '').length)
  assert.equal(packets('snat6-ping', 'icmp').length, 0)
  assert.equal(packets('snat-ping', 'state ICMP_NORM').length, 6)
})
