/** ARP frames against those of the kit, which are written out byte by byte. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ipv4Int, macInts } from '../../src/wire/address.ts'
import { isIpv4OverEthernet, turnIntoReply, writeArpRequest } from '../../src/wire/arp.ts'
import { arpFrame } from '../kit/frame.ts'

const OUR_MAC = '02:74:76:80:00:ff'
const ASKER = { mac: '52:54:ff:12:34:56', ip: '192.168.168.2' }
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const NULL_MAC = '00:00:00:00:00:00'

function written(sender: string, target: string): Uint8Array {
  const pkt = new DataView(new Uint8Array(100).fill(0xee).buffer)
  const length = writeArpRequest(pkt, 10, ...macInts(OUR_MAC), ipv4Int(sender), ipv4Int(target))
  assert.deepEqual(new Uint8Array(pkt.buffer, 10 + length), new Uint8Array(90 - length).fill(0xee))
  return new Uint8Array(pkt.buffer, 10, length)
}

test('a request', () => {
  const expected = arpFrame(
    1,
    { mac: OUR_MAC, ip: '192.168.168.3' },
    { mac: NULL_MAC, ip: '192.168.168.2' },
    BROADCAST,
  )
  assert.deepEqual(written('192.168.168.3', '192.168.168.2'), expected)
})

test('a gratuitous one asks for its sender', () => {
  const our = { mac: OUR_MAC, ip: '202.108.10.1' }
  const expected = arpFrame(1, our, { mac: NULL_MAC, ip: our.ip }, BROADCAST)
  assert.deepEqual(written(our.ip, our.ip), expected)
})

test('a reply, made of the request in place', () => {
  const frame = arpFrame(1, ASKER, { mac: NULL_MAC, ip: '192.168.168.7' }, BROADCAST)
  turnIntoReply(new DataView(frame.buffer), 0, ...macInts(OUR_MAC))
  assert.deepEqual(frame, arpFrame(2, { mac: OUR_MAC, ip: '192.168.168.7' }, ASKER, ASKER.mac))
})

test('only IPv4 over Ethernet', () => {
  const frame = arpFrame(1, ASKER, { mac: NULL_MAC, ip: '192.168.168.7' }, BROADCAST)
  const pkt = new DataView(frame.buffer)
  assert.ok(isIpv4OverEthernet(pkt, 14))
  for (let at = 14; at < 20; at++) {
    frame[at] ^= 1
    assert.ok(!isIpv4OverEthernet(pkt, 14), `byte ${at - 14}`)
    frame[at] ^= 1
  }
})
