/** Where `tapvs explain packet` has its packet from. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packetOf } from '../../src/cli/explain/packet.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-packet-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const BYTES = Uint8Array.from({ length: 20 }, (_, i) => 0x45 + i)

test('hexadecimal, with what people put between the digits', async () => {
  const pairs = [...BYTES].map(byte => byte.toString(16))
  for (const text of [pairs.join(''), `0x${pairs.join('')}`, pairs.join(' '), pairs.join(':')]) {
    assert.deepEqual(await packetOf(text, 1), BYTES, text)
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
  assert.deepEqual(await packetOf(file, 1), Uint8Array.of(1, 2, 3))
  const second = await packetOf(file, 2)
  assert.deepEqual([second.length, second.subarray(0, 20)], [30, BYTES])
  await assert.rejects(packetOf(file, 3), { message: `${file} has 2 frames and no frame 3` })
  writeFileSync(file, 'no capture')
  await assert.rejects(packetOf(file, 1), /^CliError: .*two\.pcap: /)
})

test('what is neither is said to be', async () => {
  await assert.rejects(packetOf('4500', 1), {
    message: '4500 is neither a packet in hexadecimal nor a capture that can be read',
  })
})
