/** ICMP errors about packets by DR and in tunnels, of both families: to the client about what went in, to the RS about what it has sent past us. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forwardedBy, LAN, SEEDS, WAN } from '../kit/connection.ts'
import { datagram, icmpPacket } from '../kit/datagram.ts'
import { put } from '../kit/fragments.ts'
import { concat, ethernet, ipv4, ipv6, tcpPacket } from '../kit/frame.ts'
import { printed } from '../kit/printed.ts'
import { Several } from '../kit/several.ts'
import { type Out, RS_MAC, Stand } from '../kit/stand.ts'

/** With a router beside the RS and one near the client, and types and codes as they are printed. */
const FAMILIES = {
  IPv4: {
    ...SEEDS.IPv4,
    router: '192.168.168.254',
    far: '202.108.10.254',
    words: { tooLarge: 'ICMP 3/4', unreachable: 'ICMP 3/1' },
  },
  IPv6: {
    ...SEEDS.IPv6,
    router: '2001:db8:168::fe',
    far: '2001:db8:10::fe',
    words: { tooLarge: 'ICMP6 2/0', unreachable: 'ICMP6 1/3' },
  },
}

/** An error of `src` to `dst`; the four bytes behind its checksum are `rest`. */
function error(
  src: string,
  dst: string,
  [type, code]: readonly number[],
  rest: number,
  quote: Uint8Array,
) {
  const body = concat(
    Uint8Array.of(rest >>> 24, (rest >> 16) & 255, (rest >> 8) & 255, rest & 255),
    quote,
  )
  return icmpPacket({ src, dst }, type, code, body)
}

const wordsOf = (out: readonly Out[]) => out.map(({ arm, decoded }) => `${arm} ${printed(decoded)}`)

for (const [name, family] of Object.entries(FAMILIES)) {
  const { seed, client, vip, own, rip, router, far, words } = family
  const isSix = name === 'IPv6'
  const [header, least] = isSix ? [40, 1280] : [20, 68]
  const outer = (inner: Uint8Array, dst = rip, src = own) =>
    isSix ? ipv6({ src, dst, next: 41 }, inner) : ipv4({ src, dst, protocol: 4 }, inner)
  const C = `${client}.33896 > ${vip}.6379`
  const sent = (seq = 1001) => {
    const ends = { src: client, sport: 33896, dst: vip, dport: 6379 }
    return tcpPacket({ ...ends, flags: '.', seq, ack: 9001, payload: new Uint8Array(100) })
  }
  /** Of the RS, past us. */
  const answered = (seq: number, bytes = 0) => {
    const ends = { src: vip, sport: 6379, dst: client, dport: 33896 }
    return tcpPacket({ ...ends, flags: '.', seq, ack: 1001, payload: new Uint8Array(bytes) })
  }
  const tooLarge = isSix ? [2, 0] : [3, 4]

  /** The client has sent up to 1001 and acknowledged up to 9001. */
  const opened = (way: string) => {
    const stand = new Stand(forwardedBy(way, seed)).resolveRss()
    stand.segment(WAN, `${C}: Flags [S], seq 1000, win 29200, length 0`)
    stand.segment(WAN, `${C}: Flags [.], seq 1001, ack 9001, win 229, length 0`)
    return stand
  }

  test(`${name}: what is too large for a tunnel, says a router, the client hears, with the bytes that go in`, () => {
    const stand = opened('tunnel')
    const about = `about tcp ${C}, seq 1001, ack 9001`
    const before = stand.image()
    for (const [said, told] of [
      [1400, 1400 - header],
      [least + 3, least],
    ] as const) {
      const out = put(stand, error(router, own, tooLarge, said, outer(sent())), LAN)
      const tos = isSix ? '' : '(tos 0xc0, ttl 64) '
      assert.deepEqual(wordsOf(out), [
        `${WAN} ${tos}${vip} > ${client}: ${words.tooLarge}, mtu ${told}, ${about}`,
      ])
    }
    assert.equal(stand.events('ICMP_MTU_LOWERED'), 2)
    assert.deepEqual(stand.image().table, before.table)
  })

  test(`${name}: what does not get through a tunnel is an RS that cannot be reached`, () => {
    const stand = opened('tunnel')
    const kinds = isSix
      ? [
          [1, 0],
          [3, 0],
          [4, 1],
        ]
      : [
          [3, 0],
          [3, 1],
          [3, 2],
          [11, 0],
        ]
    for (const kind of kinds) {
      const [told, ...more] = wordsOf(put(stand, error(router, own, kind, 0, outer(sent())), LAN))
      assert.ok(told?.includes(`${vip} > ${client}: ${words.unreachable}, about tcp ${C}`), told)
      assert.equal(more.length, 0)
    }
  })

  test(`${name}: of a tunnel nothing is learned from what quotes too little, or what is not so`, () => {
    const stand = opened('tunnel')
    const whole = outer(sent())
    const inside = isSix ? 48 : 28
    const refused: [string, Uint8Array, string?][] = [
      ['ICMP_QUOTE', error(router, own, tooLarge, 1400, whole.subarray(0, header + inside - 1))],
      ['ICMP_QUOTE', error(router, own, tooLarge, 1400, whole.subarray(0, header + 8))],
      ['ICMP_QUOTE', error(router, own, tooLarge, 1400, outer(sent(), rip, client))],
      ['ICMP_NO_CONN', error(router, own, tooLarge, 1400, outer(sent(), router))],
      ['ICMP_SEQUENCE', error(router, own, tooLarge, 1400, outer(sent(900_000_000)))],
      ['ICMP_TYPE', error(router, own, [4, 0], 0, whole)],
      ['IP_SOURCE', error(own, own, tooLarge, 1400, whole)],
      ['ICMP_NOT_OURS', error(far, own, tooLarge, 1400, whole), WAN],
    ]
    for (const [reason, packet, arm = LAN] of refused) {
      assert.deepEqual(put(stand, packet, arm), [])
      assert.equal(stand.verdictName(), reason)
    }
    const spoilt = error(router, own, tooLarge, 1400, whole)
    spoilt[spoilt.length - 1] ^= 1
    put(stand, spoilt, LAN)
    assert.equal(stand.verdictName(), 'ICMP_CHECKSUM')
    // Just enough (RFC 2003 4): its ports, and its number.
    const enough = error(router, own, tooLarge, 1400, whole.subarray(0, header + inside))
    assert.equal(put(stand, enough, LAN).length, 1)
    // By DR no packet goes into one.
    const direct = opened('dr')
    put(direct, error(router, own, tooLarge, 1400, whole), LAN)
    assert.equal(direct.verdictName(), 'ICMP_NO_CONN')
  })

  test(`${name}: what stands behind the packet in an error about a tunnel is left out`, () => {
    const stand = opened('tunnel')
    const short = outer(sent())
    const padded = concat(short, new Uint8Array(128 - (short.length % 128)))
    const words8 = isSix ? (padded.length / 8) << 24 : (padded.length / 4) << 16
    const extended = concat(padded, Uint8Array.of(0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4))
    const kind = isSix ? [1, 0] : [3, 1]
    const [told] = put(stand, error(router, own, kind, words8, extended), LAN)
    assert.ok(told)
    assert.deepEqual(told.bytes.subarray(24 + (isSix ? 48 : 28)), sent())
  })

  test(`${name}: an error about a tunnel finds the worker of the client, wherever it comes in`, () => {
    const several = new Several(
      3,
      forwardedBy('tunnel', seed).replace('protocol: tcp', 'protocol: udp'),
    )
    for (const stand of several.stands) stand.resolveRss()
    for (let sport = 5000; sport < 5012; sport++) {
      const ends = { src: client, sport, dst: vip, dport: 6379 }
      const question = datagram({ ...ends, payload: new Uint8Array(50) })
      const arms = several.stands[0]
      assert.ok(arms)
      several.segment(sport % 3, WAN, `${client}.${sport} > ${vip}.6379: UDP, length 50`)
      const packet = error(router, own, tooLarge, 1400, outer(question))
      const frame = ethernet(arms.macOf(LAN), RS_MAC, isSix ? 0x86dd : 0x0800, packet)
      const [told, ...more] = wordsOf(several.input((sport + 1) % 3, LAN, frame))
      assert.ok(told?.endsWith(`about udp ${client}.${sport} > ${vip}.6379`), told)
      assert.equal(more.length, 0)
    }
  })

  for (const way of ['dr', 'tunnel']) {
    test(`${name}: by ${way} an error about what the RS has sent reaches it as it is`, () => {
      const stand = opened(way)
      const packet = error(far, vip, tooLarge, 1300, answered(9001, 60))
      const [told, ...more] = put(stand, packet)
      assert.ok(told && more.length === 0)
      assert.equal(told.arm, LAN)
      assert.equal(told.decoded.dstMac, RS_MAC)
      const inside = told.bytes.subarray(24 + (way === 'tunnel' ? header : 0))
      assert.deepEqual(inside, packet)
      assert.equal(told.decoded.tunnel?.dst, way === 'tunnel' ? rip : undefined)
      const forged = error(far, vip, tooLarge, 1300, answered(900_000_000))
      assert.deepEqual(put(stand, forged), [])
      assert.equal(stand.verdictName(), 'ICMP_SEQUENCE')
    })
  }
}
