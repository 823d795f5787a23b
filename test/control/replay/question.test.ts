/** What would become of a packet is told without any change of the engine that is asked about. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packetText } from '../../../src/cli/explain/packet.ts'
import { type Journal, readJournal } from '../../../src/control/journal/format.ts'
import { answerOf } from '../../../src/control/replay/question.ts'
import { KeyedIsn } from '../../../src/engine/isn.ts'
import type { StoryContext } from '../../../src/see/explain/story-context.ts'
import { CLIENT, established, frameOf, LAN, RS, SYN, WAN } from '../../kit/connection.ts'
import { journaled } from '../../kit/journaled.ts'
import { Several } from '../../kit/several.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'

const CONTEXT: StoryContext = {
  arms: [
    { name: WAN, mac: '52:54:00:00:00:01', mtu: 1500, up: true },
    { name: LAN, mac: '52:54:00:00:00:03', mtu: 1500, up: true },
  ],
  addresses: [],
  routes: [],
  services: [],
  conns: { used: 0, capacity: 1024 },
  timeouts: { established: 90, syn_recv: 30 },
  toa: 'seed',
  settings: { xmitTtl: false, bareAck: 'drop', unresQueueLength: 128, loss: {} },
}

const imagesOf = async (stands: readonly Stand[]): Promise<Journal> =>
  readJournal(await journaled(stands, () => {}))

test('a SYN is opened, translated and sent, and nothing is changed by asking', async () => {
  const stand = new Stand().resolveRss()
  const before = stand.image()
  const images = await imagesOf([stand])
  const reply = answerOf(images, { bytes: frameOf(stand, 'in', SYN) })
  const text = packetText(reply, CONTEXT)
  const steps = text.split('\n').map(line => line.replace(/^ *\d+\. /, ''))
  assert.equal(
    steps[0],
    'it comes in on dpdk0, worker 1 takes it: IP 202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 1000, win 29200, length 0',
  )
  assert.deepEqual(steps.slice(1, 6), [
    'no connection has its addresses and ports',
    '192.168.168.2:6379 is chosen by the scheduler: weight 100, one of 1',
    '192.168.168.7:1025 is taken as LIP and lport, which leaves 64510 free towards the real server',
    'a connection is opened, 202.108.10.2:33896 > 202.108.10.1:6379 as 192.168.168.7:1025 > 192.168.168.2:6379',
    'the connection goes from nothing to SYN_RECV; it has 30 s from here on',
  ])
  assert.equal(steps[6], 'it leaves on dpdk1')
  assert.match(
    steps[7] ?? '',
    /^changed: .*source 202\.108\.10\.2:33896 to 192\.168\.168\.7:1025.*TOA added/,
  )
  assert.match(
    steps[8] ?? '',
    /^what leaves on dpdk1: IP 192\.168\.168\.7\.1025 > 192\.168\.168\.2\.6379: Flags \[S\]/,
  )
  assert.equal(steps[9], 'nothing was changed by asking')
  assert.deepEqual(stand.image(), before)
  // What it really does afterwards is the same.
  const { seq } = stand.forward(WAN, SYN)
  assert.match(steps[8] ?? '', new RegExp(`, seq ${seq},`))
})

test('a SYN in the place of a connection that is over: what ends, what is reset, what begins', async () => {
  for (const [config, ...told] of [
    [SEED_CONFIG, /reset\n.* that connection, in CLOSE_WAIT, ends: the SYN begins.*\n.* is chosen/],
    [
      `${SEED_CONFIG}\ntcp: { reuse: keep }`,
      /a connection\n.* another connection begins with all that the one in CLOSE_WAIT had/,
    ],
  ] as const) {
    const stand = established(config)
    stand.segment(WAN, { ...CLIENT, flags: 'F.' })
    stand.pass(1100)
    const images = await imagesOf([stand])
    const bytes = frameOf(stand, 'in', { ...SYN, seq: 77_000 })
    const text = packetText(answerOf(images, { bytes }), CONTEXT)
    for (const one of told) assert.match(text, one)
  }
})

test('a segment of a connection that lives, and one that is refused with rule and advice', async () => {
  const stand = new Stand().resolveRss()
  const { sport, seq } = stand.forward(WAN, SYN)
  stand.forward(LAN, { ...RS, dport: sport, flags: 'S.', seq: 9000, ack: seq + 1 })
  const images = await imagesOf([stand])
  const alive = packetText(answerOf(images, { bytes: frameOf(stand, 'in', {}) }), CONTEXT)
  assert.match(alive, /its addresses and ports are those of a connection/)
  assert.match(alive, /goes from SYN_RECV to ESTABLISHED; it has 90 s from here on/)
  const refused = answerOf(images, { bytes: frameOf(stand, 'in', { sport: 1 }) })
  assert.deepEqual(refused.frame.verdict, { drop: 'tcp_no_conn' })
  assert.match(
    packetText(refused, CONTEXT),
    /it is dropped as tcp_no_conn: .*\n.*the rule: .*\n.*what to do: /,
  )
})

test('without an Ethernet header it comes in where its source is, or where it is said to', async () => {
  const stand = new Stand().resolveRss()
  const images = await imagesOf([stand])
  const packet = frameOf(stand, 'in', SYN).subarray(14)
  assert.equal(answerOf(images, { bytes: packet }).arm, WAN)
  const wrong = answerOf(images, { bytes: packet, arm: LAN })
  assert.deepEqual([wrong.arm, wrong.frame.verdict], [LAN, { drop: 'ip_source' }])
  assert.match(packetText(wrong, CONTEXT), /find who forges it: an unknown MAC/)
  // In hexadecimal, from a machine that leaves checksums to its card.
  const bare = packet.slice().fill(0, 36, 38)
  const spoilt = packetText(answerOf(images, { bytes: bare }), CONTEXT)
  assert.match(spoilt, /tcp_checksum.*\n.*0x0000, would be.*\n.* an unknown MAC leaves/)
  const asked = answerOf(images, { bytes: packet, link: 'none' })
  assert.deepEqual([asked.hasLink, asked.frame.verdict], [false, { sent: LAN }])
  const text = packetText(asked, CONTEXT)
  assert.match(
    text,
    / 2\. it has no Ethernet header, so the judgement starts at IP: MACs, ethertype and VLAN were not asked about\n/,
  )
  assert.doesNotMatch(text, /MACs rewritten/)
  const whole = answerOf(images, { bytes: frameOf(stand, 'in', SYN), link: 'ethernet' })
  assert.match(packetText(whole, CONTEXT), /changed: MACs rewritten/)
  assert.doesNotMatch(packetText(whole, CONTEXT), /Ethernet header/)
  assert.throws(() => answerOf(images, { bytes: packet, arm: 'eth7' }), {
    message: 'there is no arm eth7; there are dpdk0, dpdk1, check',
  })
  const stranger = frameOf(stand, 'in', { src: '9.9.9.9' }).subarray(14)
  assert.throws(() => answerOf(images, { bytes: stranger }), /say with --arm where it comes in/)
})

test('a next hop that is not known yet: it is parked', async () => {
  const stand = new Stand()
  const images = await imagesOf([stand])
  const reply = answerOf(images, { bytes: frameOf(stand, 'in', SYN) })
  assert.deepEqual(reply.frame.verdict, { parked: true })
  assert.match(packetText(reply, CONTEXT), /it is parked until the next hop says its MAC/)
})

test('of several workers the one that owns it answers', async () => {
  const isn = new KeyedIsn(Int32Array.of(1, 2, 3, 4))
  const several = new Several(2, undefined, isn)
  const images = await imagesOf(several.stands)
  const workers = new Set<number>()
  for (const sport of [40_000, 40_001, 40_002, 40_003]) {
    const bytes = frameOf(several.stands[0] as Stand, 'in', { ...SYN, sport })
    const reply = answerOf(images, { bytes })
    assert.equal(reply.worker, several.steering.clientWorker(0xca6c0a02 | 0, sport) + 1)
    workers.add(reply.worker)
  }
  assert.equal(workers.size, 2)
})
