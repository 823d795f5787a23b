/**
 * Headers of the PROXY protocol for clients of IPv6, before RSs of either family, where a transcript cannot say it: their bytes, offloads, datagrams,
 * headers of clients. Of IPv4 it is proxied.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '../../src/engine/counters.ts'
import { LAN, WAN } from '../kit/connection.ts'
import type { DecodedTcp, DecodedUdp } from '../kit/decode.ts'
import { offload, type TcpFields, tcpFrame } from '../kit/frame.ts'
import { SEED6_CONFIG } from '../kit/nd.ts'
import { CLIENT_MAC, Stand } from '../kit/stand.ts'

const ENDS = { src: '2001:db8:10::2', sport: 33_896, dst: '2001:db8:10::1', dport: 6379 }
const CLIENT = { ...ENDS, flags: 'P.', seq: 1001, ack: 9001 }
const SIX = { src: '2001:db8:168::2', dst: '2001:db8:168::7' }
const FOUR = { src: '192.168.168.2', dst: '192.168.168.7' }
/** RSs, LIPs and routes behind the VIP of IPv6. */
const CONFIGS = {
  IPv6: SEED6_CONFIG,
  IPv4: SEED6_CONFIG.replaceAll('2001:db8:168::/64', '192.168.168.0/24')
    .replaceAll('2001:db8:168::3/128', '192.168.168.3/32')
    .replaceAll('2001:db8:168::7', FOUR.dst)
    .replaceAll('2001:db8:168::2', FOUR.src),
}
type Family = keyof typeof CONFIGS
const FAMILIES = ['IPv6', 'IPv4'] as const
const bytes = (text: string) => Buffer.from(text, 'latin1')
const V1 = bytes('PROXY TCP6 2001:db8:10::2 2001:db8:10::1 33896 6379\r\n')
const v2 = (kind: string) =>
  Buffer.from(
    `0d0a0d0a000d0a515549540a21${kind}002420010db800100000000000000000000220010db8001000000000000000000001846818eb`,
    'hex',
  )
const OWN_V1 = bytes('PROXY TCP6 2001:db8::1 2001:db8::2 80 81\r\n')
const OWN_V2 = Buffer.from(
  '0d0a0d0a000d0a515549540a2121002420010db800000000000000000000000120010db800000000000000000000000200500051',
  'hex',
)
const BODY = bytes('GET / HTTP/1.0\r\n\r\n')

/** A client whose handshake is done, with an RS of this family. */
function begun(mode: string, family: Family): { stand: Stand; rs: TcpFields; first: number } {
  const yaml = CONFIGS[family].replace(
    'scheduler: wrr',
    `scheduler: wrr\n    proxy_protocol: ${mode}`,
  )
  const stand = new Stand(yaml).resolveRss()
  const syn = stand.forward(WAN, { ...ENDS, flags: 'S', seq: 1000 })
  const ends = family === 'IPv6' ? SIX : FOUR
  const rs = { ...ends, sport: 6379, dport: syn.sport, ack: (syn.seq + 1) >>> 0 }
  stand.forward(LAN, { ...rs, flags: 'S.', seq: 9000 })
  stand.forward(WAN, { ...CLIENT, flags: '.' })
  return { stand, rs: { ...rs, flags: '.', seq: 9001 }, first: (syn.seq + 1) >>> 0 }
}

const HEADERS: [mode: string, own: Uint8Array, told: Buffer, event: keyof typeof Event][] = [
  ['v1', bytes(''), V1, 'PROXY_ADDED'],
  ['v2', bytes(''), v2('21'), 'PROXY_ADDED'],
  ['v1', OWN_V2, V1, 'PROXY_REPLACED'],
  ['v2', OWN_V1, v2('21'), 'PROXY_REPLACED'],
  ['v1-insecure', OWN_V1, OWN_V1, 'PROXY_KEPT'],
  ['v2-insecure', OWN_V1, OWN_V2, 'PROXY_REPLACED'],
]
for (const family of FAMILIES) {
  for (const [mode, own, told, event] of HEADERS) {
    test(`${mode}, RS of ${family}, ${own.length} bytes of the client's own: ${told.length} at the RS`, () => {
      const { stand, rs, first } = begun(mode, family)
      const said = Buffer.concat([own, BODY])
      for (let i = 0; i < 2; i++) {
        const sent = stand.forward(WAN, { ...CLIENT, payload: said })
        assert.equal(sent.seq, first)
        assert.deepEqual(Buffer.from(sent.payload), Buffer.concat([told, BODY]))
      }
      assert.ok(stand.engine.counters.events[Event[event]])
      assert.equal(stand.events('TOA_ADDED'), 0)
      const seq = CLIENT.seq + said.length
      for (let i = 0; i < 2; i++) {
        const next = stand.forward(WAN, { ...CLIENT, seq, payload: bytes('x') })
        assert.equal(next.seq, (first + told.length + BODY.length) >>> 0)
        const ack = stand.forward(LAN, { ...rs, flags: '.', ack: (next.seq + 1) >>> 0 })
        assert.equal(ack.ack, seq + 1)
      }
    })
  }

  test(`a frame that is to be segmented has it too, before one as large as the MTU it goes alone: RS of ${family}`, () => {
    const { stand } = begun('v1', family)
    const dstMac = stand.macOf(WAN)
    const frame = (payload: number) =>
      tcpFrame({ ...CLIENT, srcMac: CLIENT_MAC, dstMac, payload: new Uint8Array(payload) })
    const [large] = stand.inputRaw(WAN, offload(frame(5000), 1200))
    const sent = large.decoded as DecodedTcp
    assert.deepEqual(Buffer.from(sent.payload.subarray(0, V1.length)), V1)
    assert.equal(sent.payload.length, V1.length + 5000)
    const out = stand.input(WAN, frame(1440)).map(({ decoded }) => decoded as DecodedTcp)
    const sizes = out.map(({ payload }) => payload.length)
    assert.deepEqual(sizes, [V1.length, 1440])
    assert.deepEqual(Buffer.from(out[0].payload), V1)
    assert.equal(stand.events('PROXY_ALONE'), 1)
  })

  test(`UDP: the first datagram has it, without UOA: RS of ${family}`, () => {
    const yaml = CONFIGS[family].replace('protocol: tcp', 'protocol: udp\n    proxy_protocol: v2')
    const stand = new Stand(`${yaml}udp: { uoa: opp }\n`).resolveRss()
    const line = `${ENDS.src}.33896 > ${ENDS.dst}.6379: UDP, length 5`
    const [first] = stand.datagram(WAN, line)
    const told = first.decoded as DecodedUdp
    assert.deepEqual(Buffer.from(told.payload), Buffer.concat([v2('22'), bytes('xxxxx')]))
    assert.equal(told.uoa, null)
    const [second] = stand.datagram(WAN, line)
    assert.equal((second.decoded as DecodedUdp).payload.length, 5)
  })
}
