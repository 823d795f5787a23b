/** ARP from the network: who is answered, what is learned, what is refused. Learning is in neigh.test.ts. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arpFrame, concat, vnetHeader } from '../kit/frame.ts'
import { RS_MAC, Stand } from '../kit/stand.ts'

const ASKER = { mac: '52:54:00:00:00:77', ip: '202.108.10.77' }
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const NOBODY = '00:00:00:00:00:00'

function request(stand: Stand, arm: string, target: string, dstMac = BROADCAST) {
  return stand.input(arm, arpFrame(1, ASKER, { mac: NOBODY, ip: target }, dstMac))
}

const OWNED = [
  ['dpdk0', '202.108.10.1', 'VIP'],
  ['dpdk1', '192.168.168.7', 'LIP'],
  ['dpdk1', '192.168.168.3', 'own address'],
]

for (const [arm, address, what] of OWNED) {
  test(`a request for the ${what} is answered on its arm, by unicast`, () => {
    const stand = new Stand()
    const used = stand.engine.neighs.used
    for (const dstMac of [BROADCAST, stand.macOf(arm)]) {
      const [answer] = request(stand, arm, address, dstMac)
      assert.equal(answer.arm, arm)
      assert.deepEqual(answer.decoded, {
        kind: 'arp',
        srcMac: stand.macOf(arm),
        dstMac: ASKER.mac,
        op: 2,
        senderMac: stand.macOf(arm),
        sender: address,
        targetMac: ASKER.mac,
        target: ASKER.ip,
      })
    }
    assert.equal(stand.events('ARP_REPLIES'), 2)
    assert.equal(stand.engine.neighs.used, used, 'the asker is not learned')
  })

  test(`a request for the ${what} is not answered on the other arm`, () => {
    const stand = new Stand()
    const other = arm === 'dpdk0' ? 'dpdk1' : 'dpdk0'
    assert.deepEqual(request(stand, other, address), [])
    assert.equal(stand.verdictName(), 'ARP_NOT_OURS')
  })

  for (const on of ['dpdk0', 'dpdk1']) {
    test(`a stranger on ${on} who claims the ${what} is reported and never learned`, () => {
      const stand = new Stand()
      stand.log()
      const claim = { mac: ASKER.mac, ip: address }
      for (const op of [1, 2]) {
        const frame = arpFrame(op, claim, { mac: NOBODY, ip: address }, BROADCAST)
        assert.deepEqual(stand.input(on, frame), [])
        assert.equal(stand.verdictName(), 'ARP_CLAIMS_OURS')
      }
      const line = `ARP: ${ASKER.mac} on ${on} claims our address ${address}`
      assert.deepEqual(stand.log(), [line], 'once a second, however many there are')
      stand.pass(1000)
      stand.log()
      stand.input(on, arpFrame(1, claim, { mac: NOBODY, ip: address }, BROADCAST))
      assert.deepEqual(stand.log(), [line])
      assert.equal(stand.drops('ARP_CLAIMS_OURS'), 3)
      assert.equal(stand.engine.neighs.used, 1)
    })
  }
}

test('a request for somebody else is not answered', () => {
  const stand = new Stand()
  for (const target of ['202.108.10.2', '0.0.0.0', '255.255.255.255', '202.108.10.0']) {
    assert.deepEqual(request(stand, 'dpdk0', target), [])
    assert.equal(stand.verdictName(), 'ARP_NOT_OURS')
  }
})

test('a probe (sender 0.0.0.0) for our address is answered: the address is defended', () => {
  const stand = new Stand()
  const probe = arpFrame(
    1,
    { mac: ASKER.mac, ip: '0.0.0.0' },
    { mac: NOBODY, ip: '202.108.10.1' },
    BROADCAST,
  )
  const [answer] = stand.input('dpdk0', probe)
  assert.equal(answer.decoded.kind === 'arp' && answer.decoded.sender, '202.108.10.1')
})

test('a reply that nobody asked for, and gratuitous ARP of a stranger, teach nothing', () => {
  const stand = new Stand()
  const used = stand.engine.neighs.used
  const our = { mac: stand.macOf('dpdk0'), ip: '202.108.10.1' }
  stand.input('dpdk0', arpFrame(2, ASKER, our, our.mac))
  assert.equal(stand.verdictName(), 'ARP_UNSOLICITED')
  for (const op of [1, 2]) {
    stand.input('dpdk0', arpFrame(op, ASKER, { mac: NOBODY, ip: ASKER.ip }, BROADCAST))
    assert.equal(stand.verdictName(), 'ARP_NOT_OURS')
  }
  assert.equal(stand.engine.neighs.used, used)
})

test('a neighbour is known per arm: its reply on the other arm is nobody we asked', () => {
  const stand = new Stand()
  const our = { mac: stand.macOf('dpdk0'), ip: '202.108.10.1' }
  stand.input('dpdk0', arpFrame(2, { mac: RS_MAC, ip: '192.168.168.2' }, our, our.mac))
  assert.equal(stand.verdictName(), 'ARP_UNSOLICITED')
  assert.equal(stand.events('NEIGH_LEARNED'), 0)
})

test('ARP to another MAC is not for us', () => {
  const stand = new Stand()
  request(stand, 'dpdk0', '202.108.10.1', '52:54:00:00:00:99')
  assert.equal(stand.verdictName(), 'ETH_OTHERHOST')
})

test('a request padded to 60 bytes is answered; its padding does no harm', () => {
  const stand = new Stand()
  const frame = arpFrame(1, ASKER, { mac: NOBODY, ip: '202.108.10.1' }, BROADCAST)
  const [answer] = stand.input('dpdk0', concat(frame, new Uint8Array(18)))
  assert.equal(answer.decoded.dstMac, ASKER.mac)
})

test('the answer says nothing about offloads, whatever the request said', () => {
  const stand = new Stand()
  const frame = arpFrame(1, ASKER, { mac: NOBODY, ip: '202.108.10.1' }, BROADCAST)
  const vnet = vnetHeader({ flags: 3, gsoType: 1, gsoSize: 9, csumStart: 99, csumOffset: 7 })
  const [answer] = stand.input('dpdk0', frame, vnet)
  assert.deepEqual(answer.bytes.slice(0, 10), new Uint8Array(10))
})

/** Offset in the frame and the bytes put there. */
const MALFORMED: [string, number, number[]][] = [
  ['hardware type 6', 14, [0, 6]],
  ['protocol type IPv6', 16, [0x86, 0xdd]],
  ['hardware length 8', 18, [8]],
  ['protocol length 16', 19, [16]],
  ['operation 0', 20, [0, 0]],
  ['operation 3', 20, [0, 3]],
  ['operation 256', 20, [1, 0]],
  ['sender MAC null', 22, [0, 0, 0, 0, 0, 0]],
  ['sender MAC broadcast', 22, [255, 255, 255, 255, 255, 255]],
  ['sender MAC multicast', 22, [1, 0, 0x5e, 0, 0, 1]],
]

for (const [name, at, bytes] of MALFORMED) {
  test(`malformed ARP: ${name}`, () => {
    const stand = new Stand()
    const frame = arpFrame(1, ASKER, { mac: NOBODY, ip: '202.108.10.1' }, BROADCAST)
    frame.set(bytes, at)
    assert.deepEqual(stand.input('dpdk0', frame), [])
    assert.equal(stand.verdictName(), 'ARP_HEADER')
    // The same as the answer of the RS that we asked for.
    const our = { mac: stand.macOf('dpdk1'), ip: '192.168.168.3' }
    const reply = arpFrame(2, { mac: RS_MAC, ip: '192.168.168.2' }, our, our.mac)
    reply.set(bytes, at)
    assert.deepEqual(stand.input('dpdk1', reply), [])
    assert.equal(stand.verdictName(), 'ARP_HEADER')
    assert.equal(stand.events('NEIGH_LEARNED'), 0)
  })
}

test('malformed ARP: cut short at every length', () => {
  const stand = new Stand()
  const frame = arpFrame(1, ASKER, { mac: NOBODY, ip: '202.108.10.1' }, BROADCAST)
  for (let bytes = 14; bytes < frame.length; bytes++) {
    assert.deepEqual(stand.input('dpdk0', frame.subarray(0, bytes)), [])
    assert.equal(stand.verdictName(), 'ARP_HEADER')
  }
})

test('an arm that comes up announces all its addresses', () => {
  const stand = new Stand()
  const told = (index: number) => {
    stand.engine.announce(stand.engine.arms[index])
    return stand.drain().map(({ arm, decoded }) => {
      assert.equal(decoded.kind, 'arp')
      if (decoded.kind !== 'arp') return []
      assert.equal(decoded.dstMac, BROADCAST)
      assert.equal(decoded.senderMac, stand.macOf(arm))
      assert.equal(decoded.targetMac, NOBODY)
      return [arm, decoded.op, decoded.sender, decoded.target]
    })
  }
  assert.deepEqual(told(0), [['dpdk0', 1, '202.108.10.1', '202.108.10.1']])
  assert.deepEqual(told(1), [
    ['dpdk1', 1, '192.168.168.3', '192.168.168.3'],
    ['dpdk1', 1, '192.168.168.7', '192.168.168.7'],
  ])
  assert.equal(stand.events('ARP_GRATUITOUS'), 3)
})
