/** The ladder and the story of UDP, and of ICMP errors about connections; the ladder's text against files that show it in full. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { CaptureFile } from '../../../src/see/capture/capture-file.ts'
import { momentsOfCapture } from '../../../src/see/capture/capture-moments.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import { factsOf, livesOf } from '../../../src/see/explain/story.ts'
import { storyText } from '../../../src/see/explain/story-text.ts'
import { storyOf } from '../../../src/see/explain/story-words.ts'
import { byConnection, ladderRows } from '../../../src/see/ladder/ladder.ts'
import { LadderText } from '../../../src/see/ladder/text.ts'
import type { Moment } from '../../../src/see/moments/moment.ts'
import { contextOfStand } from '../../kit/explain.ts'
import { concat } from '../../kit/frame.ts'
import type { Stand } from '../../kit/stand.ts'
import { play } from '../../kit/transcript.ts'
import '../../kit/utc.ts'

const arms = ['dpdk0', 'dpdk1'].map(name => ({ name, description: name }))
const HEAD = { application: '', os: '', comment: '', arms, snaplen: 160, otherArm: '' }
const PLAIN = { width: 80, ascii: true, colours: false, absolute: false, mixed: false }

/** What a transcript's lines bring, each 3 ms after the last. */
function scene(settings: string, ...came: string[]): Stand {
  const stand = play(`set ${settings}\n`, fresh => fresh.record(5, 7))
  for (const line of came) {
    const [arm = '', packet = ''] = line.split(' | ')
    stand.segment(arm, packet)
    stand.pass(3)
  }
  return stand
}

const ASKS = 'dpdk0 | 202.108.10.2.5353 > 202.108.10.1.6379: UDP, length 33'
const SCENES: Record<string, () => Stand> = {
  dns: () =>
    scene(
      'protocol udp uoa opp neigh 3600',
      ASKS,
      'dpdk1 | 192.168.168.2.6379 > 192.168.168.7.1025: [no cksum] UDP, length 512',
    ),
  'refused-port': () =>
    scene(
      'protocol udp neigh 3600',
      ASKS,
      'dpdk1 | 192.168.168.2 > 192.168.168.7: ICMP 3/3, about udp 192.168.168.7.1025 > 192.168.168.2.6379',
    ),
  'need-to-frag': () =>
    scene(
      'isn 5000 neigh 3600',
      'dpdk0 | 202.108.10.2.4000 > 202.108.10.1.6379: Flags [S], seq 1000, win 29200, length 0',
      'dpdk1 | 192.168.168.2.6379 > 192.168.168.7.1025: Flags [S.], seq 9000, ack 5001, win 29200, length 0',
      'dpdk1 | 10.9.9.9 > 192.168.168.7: ICMP 3/4, mtu 1400, about tcp 192.168.168.7.1025 > 192.168.168.2.6379, seq 5001',
    ),
  'one-packet': () => scene('protocol udp one_packet true neigh 3600', ASKS, ASKS),
  'uoa-ahead': () => scene('protocol udp uoa opp mtu 576 neigh 3600', ASKS.replace('33', '540')),
}

function drawn(moments: readonly Moment[], options: Partial<typeof PLAIN> = {}): string {
  const text = new LadderText({ ...PLAIN, ...options })
  const lines = byConnection(ladderRows(moments)).flatMap(row => text.lines(row))
  return lines.map(line => `${line.trimEnd()}\n`).join('')
}

for (const [name, stand] of Object.entries(SCENES)) {
  test(`${name}.txt`, () => {
    const file = join(CHECKOUT, 'test', 'see', 'ladder', 'drawn', `${name}.txt`)
    assert.equal(drawn(stand().moments()), readFileSync(file, 'utf8'))
  })
}

test('from 80 columns on every line fits, in any manner', () => {
  for (const [name, stand] of Object.entries(SCENES)) {
    const moments = stand().moments()
    for (const width of [80, 100, 200]) {
      for (const options of [{}, { ascii: false, absolute: true }, { mixed: true }]) {
        for (const line of drawn(moments, { width, ...options }).split('\n'))
          assert.ok(line.length <= width, `${name} ${width}: ${line}`)
      }
    }
  }
})

test('a file gives the same ladder, but for what notes leave out', () => {
  for (const [name, stand] of Object.entries(SCENES)) {
    const moments = stand().moments()
    const file = new CaptureFile(HEAD)
    const blocks = [
      ...file.begin(),
      ...moments.flatMap(moment => file.moment(moment)),
      ...file.end(),
    ]
    const read = momentsOfCapture(readCapture(concat(...blocks)))
    // That it was opened is told by its states.
    const arrows = (text: string) => text.split('\n').filter(line => /[<>X]\||\|</.test(line))
    assert.deepEqual(arrows(drawn(read)), arrows(drawn(moments)), name)
  }
})

function told(stand: Stand, live: string | null = null): string {
  const { lives } = livesOf(stand.moments())
  return lives
    .map(life => storyText(storyOf(factsOf(life), contextOfStand(stand), live)))
    .join('\n')
}

test('the story of an exchange, and of a port that is refused', () => {
  const dns = told(SCENES.dns?.() as Stand, 'UDP_NORM')
  assert.match(dns, /^UDP 202\.108\.10\.2:5353 > 202\.108\.10\.1:6379, towards the real server/)
  assert.match(dns, /lives, in UDP_NORM/)
  assert.match(dns, /UOA +1 datagram told the real server of 202\.108\.10\.2:5353\n/)
  assert.match(dns, /answer +the real server answered after 3\.0 ms\n/)
  assert.match(dns, /NONE -> UDP_ONEWAY, timer 300 s\n +client: IP .*: UDP, length 33\n/)
  assert.match(dns, /UDP_ONEWAY -> UDP_NORM, timer 300 s\n +real server: IP /)
  assert.match(dns, /from the real server: 1 packet, 512 bytes of payload/)
  assert.match(dns, /then nobody is told: UDP has nothing to tell it with/)
  const refused = told(SCENES['refused-port']?.() as Stand, 'UDP_ONEWAY')
  assert.match(refused, /answer +the real server has not answered\n/)
  assert.match(
    refused,
    /an ICMP error from the real server's side quotes a packet of it, and goes on to the client.*\n.* udp port 6379 unreachable/,
  )
  assert.match(refused, /from the real server: 0 packets/)
})

test('the story of a single datagram, and of one whose answer never came', () => {
  const once = told(SCENES['one-packet']?.() as Stand)
  assert.match(once, /ended in UDP_NONE after 0 us\n/)
  assert.match(once, /its service takes every datagram by itself \(one_packet\)/)
  const stand = scene('protocol udp neigh 3600', ASKS)
  stand.pass(302_000)
  assert.match(
    told(stand),
    /the real server never answered; .*after its last datagram the timer of/,
  )
})
