/** Stories of connections that are not forwarded by FullNAT: nothing is told of what they have not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factsOf, livesOf } from '../../../src/see/explain/story.ts'
import { expiryText } from '../../../src/see/explain/story-end.ts'
import { storyText } from '../../../src/see/explain/story-text.ts'
import { storyOf } from '../../../src/see/explain/story-words.ts'
import type { FrameOut, Moment } from '../../../src/see/moments/moment.ts'
import { momentFromJson, momentToJson } from '../../../src/see/moments/moment-json.ts'
import { noteOf } from '../../../src/see/moments/note.ts'
import { methodWords } from '../../../src/see/words/forwarding.ts'
import { contextOfStand } from '../../kit/explain.ts'
import { playRecorded } from '../../kit/transcript.ts'
import '../../kit/utc.ts'

function told(name: string): { moments: Moment[]; stories: string[] } {
  const stand = playRecorded(name)
  const moments = stand.moments()
  const context = contextOfStand(stand)
  const { lives } = livesOf(moments)
  return { moments, stories: lives.map(life => storyText(storyOf(factsOf(life), context, null))) }
}

const HEADS: [transcript: string, method: string, head: RegExp][] = [
  ['nat', 'NAT', /6379, by NAT to the real server 192\.168\.168\.2:6379/],
  ['nat-udp', 'NAT', /^UDP .*, by NAT to the real server/],
  ['dr', 'DR', /6379, by DR to the real server/],
  ['dr-udp', 'DR', /^UDP .*, by DR to the real server/],
  ['tunnel', 'tunnel', /6379, by tunnel to the real server/],
  ['ipv6-nat', 'NAT', /, by NAT to the real server \[/],
  ['ipv6-dr', 'DR', /, by DR to the real server \[/],
  ['ipv6-tunnel', 'tunnel', /, by tunnel to the real server \[/],
  ['snat', 'SNAT', /, by SNAT as 202\.108\.10\.3:1025/],
  ['snat-ping', 'SNAT', /^ICMP .*:4660 > 10\.1\.2\.3:0, by SNAT as 202\.108\.10\.3:1025/],
]

for (const [name, method, head] of HEADS)
  test(`${name}: the method, and neither numbers of ours nor TOA`, () => {
    const { moments, stories } = told(name)
    const [story = ''] = stories
    assert.match(story, head)
    assert.match(story, new RegExp(`\n  method +${method}: `))
    assert.doesNotMatch(story, /plus \d+|told the real server of|does not know/)
    if (method !== 'SNAT') assert.doesNotMatch(story, /LIP/)
    const [first] = moments
    assert.match(noteOf(first as Moment), new RegExp(` by ${method.toLowerCase()} \\| `))
    assert.equal(
      momentFromJson(momentToJson(first as Moment)).conn?.forwarding,
      first?.conn?.forwarding,
    )
  })

test('what a real server answers past here is not missed', () => {
  for (const name of ['dr', 'tunnel', 'dr-udp']) {
    for (const story of told(name).stories) {
      assert.doesNotMatch(story, /never answered|has not answered|real server had closed/)
      assert.match(story, /from the real server: what it sends goes past here/)
    }
  }
  const [closed = '', aged = ''] = told('dr').stories
  assert.match(
    closed,
    /the end\n {2}the client had closed; what the real server did went past here; /,
  )
  assert.match(aged, /ESTABLISHED \(90 s\) ran out.*\n {2}nobody is told: only both ends know/)
  assert.match(expiryText('ESTABLISHED', 'nat'), /^both ends are sent an RST/)
})

test('what leaves in a tunnel differs by the header in front alone', () => {
  const outs = told('tunnel').moments.filter((moment): moment is FrameOut => moment.kind === 'out')
  const changes = outs.filter(({ own }) => own === null).map(out => out.changes)
  assert.ok(changes.length > 3)
  for (const all of changes)
    assert.deepEqual(
      all.map(({ what }) => what),
      ['tunnelled', 'mac'],
    )
  assert.match(
    noteOf(outs[0] as Moment),
    /in a tunnel 192\.168\.168\.3 > 192\.168\.168\.2, MACs rewritten$/,
  )
})

test('a host inside has chosen whom it talks to, and the scheduler an address of ours', () => {
  for (const name of ['snat', 'snat6', 'snat-ways']) {
    const { stories } = told(name)
    for (const story of stories) assert.doesNotMatch(story, /real server|LIP/)
    const [first = ''] = stories
    assert.match(first, /\n {2}destination +\S+, as the client has it\n/)
    assert.match(first, /\n {2}address and lport +\S+:\d+, chosen by the scheduler: weight \d+, /)
  }
})

test('NAT64 is FullNAT between two families', () => {
  const way = { client: '[2001:db8::1]:5', rs: '192.0.2.1:80' }
  assert.equal(methodWords(way).name, 'NAT64')
  assert.equal(methodWords({ ...way, rs: '[2001:db8::2]:80' }).name, 'FullNAT')
  const [story = ''] = told('nat64-seed-client-close').stories
  assert.match(story, /\n {2}method +NAT64: FullNAT from IPv6 to IPv4/)
})

test('a SYN that was answered by a cookie: who heard of it when, and by how much numbers move', () => {
  const { moments, stories } = told('syn-proxy')
  const [story = ''] = stories
  assert.match(story, /\(the client began at 1000, we at 5000\)/)
  assert.match(story, /those of the real server come plus \d+, so that they go on from the cookie/)
  assert.match(story, /answered here with a cookie .* only then, and answered after/)
  const owns = moments.flatMap(moment => (moment.kind === 'out' && moment.own ? [moment] : []))
  assert.deepEqual(
    owns.slice(0, 2).map(({ own, conn }) => [own, conn?.client]),
    [
      ['syn_cookie', undefined],
      ['syn_proxy', '202.108.10.2:33896'],
    ],
  )
})
