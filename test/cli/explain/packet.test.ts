/** Where `tapvs explain packet` has its packet from. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packetOf } from '../../../src/cli/explain/packet.ts'
import { concat, tcpFrame } from '../../kit/frame.ts'
import { pcapOf } from '../../kit/pcap.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-packet-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const BYTES = Uint8Array.from({ length: 20 }, (_, i) => 0x45 + i)

test('hexadecimal, with what people put between the digits', async () => {
  const pairs = [...BYTES].map(byte => byte.toString(16))
  for (const text of [pairs.join(''), `0x${pairs.join('')}`, pairs.join(' '), pairs.join(':')]) {
    assert.deepEqual(await packetOf(text, 1), { bytes: BYTES }, text)
  }
})

test('a frame of a capture by its number, filled up to what it was on the wire', async () => {
  const file = join(folder, 'two.pcap')
  const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)
  const frame = (bytes: Uint8Array, length: number) => [u32(1, 0, bytes.length, length), bytes]
  const parts = [
    u32(0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 1),
    ...frame(Uint8Array.of(1, 2, 3), 3),
    ...frame(BYTES, 30),
  ]
  writeFileSync(file, Buffer.concat(parts))
  const first = await packetOf(file, 1)
  assert.deepEqual(first, { bytes: Uint8Array.of(1, 2, 3), link: 'ethernet' })
  const { bytes: second } = await packetOf(file, 2)
  assert.deepEqual([second.length, second.subarray(0, 20)], [30, BYTES])
  await assert.rejects(packetOf(file, 3), { message: `${file} has 2 frames and no frame 3` })
  writeFileSync(file, 'no capture')
  await assert.rejects(packetOf(file, 1), /^CliError: .*two\.pcap: /)
})

/** A SYN with a Fast Open cookie, in front of which a capture has what its device has. */
const SYN = tcpFrame({
  src: '202.108.10.2',
  sport: 40_001,
  dst: '202.108.10.1',
  dport: 6379,
  flags: 'S',
  seq: 1000,
  ack: 0,
  srcMac: '02:00:00:00:00:01',
  dstMac: '02:00:00:00:00:02',
  options: Uint8Array.of(34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1),
}).subarray(14)

test('whatever is in front of IP in a capture: without an Ethernet header the judgement starts at IP', async () => {
  const fronts: [string, number, number[]][] = [
    ['raw IP', 101, []],
    ['raw IP of a BSD kernel', 12, []],
    ['cooked', 113, [0, 0, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 8, 0]],
    ['cooked 2', 276, [8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0]],
    ['NULL', 0, [2, 0, 0, 0]],
    ['NULL of another byte order', 0, [0, 0, 0, 2]],
    ['LOOP', 108, [0, 0, 0, 2]],
  ]
  for (const [name, link, front] of fronts) {
    const file = join(folder, 'front.pcap')
    writeFileSync(file, pcapOf([{ atUs: 1, frame: concat(Uint8Array.from(front), SYN) }], link))
    assert.deepEqual(await packetOf(file, 1), { bytes: SYN, link: 'none' }, name)
  }
})

test('of another link type, and of no IP without an Ethernet header, it is said', async () => {
  const file = join(folder, 'other.pcap')
  const refuses = async (link: number, frame: Uint8Array, said: RegExp) => {
    writeFileSync(file, pcapOf([{ atUs: 1, frame }], link))
    await assert.rejects(packetOf(file, 1), said)
  }
  await refuses(
    105,
    SYN,
    /frame 1 is of link type 105 \(IEEE 802\.11\), which is not read; Ethernet/,
  )
  await refuses(4711, SYN, /frame 1 is of link type 4711, which is not read/)
  // ARP of `-i any`, IPv6 of a tunnel, a header that was cut off.
  const arp = Uint8Array.of(0, 0, 0, 1, 0, 6, 2, 3, 4, 5, 6, 7, 0, 0, 8, 6, ...Array(28).fill(0))
  for (const [link, frame] of [
    [113, arp],
    [101, Uint8Array.of(0x60, ...Array(60).fill(0))],
    [113, arp.subarray(0, 8)],
    [0, Uint8Array.of(30, 0, 0, 0, 0x60)],
  ] as const)
    await refuses(link, frame, /frame 1 was captured without an Ethernet header and is no IPv4/)
})

test('what is neither is said to be', async () => {
  await assert.rejects(packetOf('4500', 1), {
    message: '4500 is neither a packet in hexadecimal nor a capture that can be read',
  })
})
