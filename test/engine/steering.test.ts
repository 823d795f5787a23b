/** Who owns a packet: every worker's share is even, and the lports' owners are those who hold them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LPORT_FIRST, LPORT_LAST, lportsOf } from '../../src/engine/sa-pool.ts'
import { NO_WORKER, Steering } from '../../src/engine/steering.ts'

const WORKERS = [1, 2, 4, 7]

/** How far the fullest and the emptiest worker are from an even share, as a part of it. */
function unevenness(workers: number, owners: Iterable<number>): number {
  const shares = new Array<number>(workers).fill(0)
  let total = 0
  for (const owner of owners) {
    assert.ok(owner >= 0 && owner < workers)
    shares[owner]++
    total++
  }
  return Math.max(...shares.map(share => Math.abs((share * workers) / total - 1)))
}

function* range(count: number, owner: (i: number) => number): Iterable<number> {
  for (let i = 0; i < count; i++) yield owner(i)
}

const anyAddress = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

test('consecutive ports of one client are spread within 1 %, and in steps of two as Linux takes them', () => {
  fc.assert(
    fc.property(anyAddress, anyAddress, fc.constantFrom(...WORKERS), (address, seed, workers) => {
      const steering = new Steering(workers, seed)
      for (const step of [1, 2]) {
        const ports = range(14_000, i => steering.clientWorker(address, 32_768 + i * step))
        assert.ok(unevenness(workers, ports) < 0.01)
      }
    }),
  )
})

test('even a few dozen connections of one client are spread', () => {
  for (const first of [1024, 32_768, 40_001, 60_000]) {
    const steering = new Steering(2)
    for (const step of [1, 2]) {
      const ports = range(50, i => steering.clientWorker(0x0a4d0002, first + i * step))
      assert.ok(unevenness(2, ports) <= 0.08, '23 to 27 of 50')
    }
  }
})

test('consecutive addresses with one port are spread within 5 %', () => {
  fc.assert(
    fc.property(anyAddress, fc.nat(65_535), fc.constantFrom(...WORKERS), (first, port, workers) => {
      const steering = new Steering(workers, 7)
      // The strides of hosts, of /24s and of /16s. Chance alone would be off by 1.5 % (7 workers, one in 40,000 by 5 %).
      for (const stride of [1, 256, 65_536]) {
        const hosts = range(40_000, i => steering.clientWorker((first + i * stride) | 0, port))
        assert.ok(unevenness(workers, hosts) < 0.05)
      }
    }),
    { numRuns: 50, seed: 1 },
  )
})

test('the seed changes who owns what', () => {
  const [one, other] = [new Steering(4, 1), new Steering(4, 2)]
  const same = [...range(10_000, i => +(one.clientWorker(i, 1000) === other.clientWorker(i, 1000)))]
  const count = same.reduce((a, b) => a + b)
  assert.ok(count > 2_000 && count < 3_000, `${count} of 10,000`)
})

test('owners that other versions and the BPF program must agree with', () => {
  const steering = new Steering(7, 0x12345678)
  const owners = [
    steering.clientWorker(0x0a4d0002, 40_000),
    steering.clientWorker(0xc0a80101 | 0, 65_535),
    steering.clientWorker(-1, 0),
    steering.clientWorker(0, 1),
  ]
  assert.deepEqual(owners, [4, 2, 5, 3])
})

test('lports: a worker owns what its partition holds, and all partitions are apart', () => {
  const masks = [1, 2, 3, 4, 5, 7, 8, 9, 256].map(workers => new Steering(workers).mask)
  assert.deepEqual(masks, [0, 1, 3, 3, 7, 7, 7, 15, 255])
  for (const workers of [1, 2, 3, 4, 7, 256]) {
    const steering = new Steering(workers)
    const shares = new Array<number>(workers).fill(0)
    for (let lport = LPORT_FIRST; lport <= LPORT_LAST; lport++) {
      const owner = steering.lportWorker(lport)
      if (owner === NO_WORKER) continue
      const { mask, residue } = steering.lportPartition(owner)
      assert.equal(lport & mask, residue)
      shares[owner]++
    }
    assert.deepEqual(
      shares,
      shares.map((_, worker) => lportsOf(steering.lportPartition(worker))),
    )
  }
  assert.equal(new Steering(3).lportWorker(0x4003), NO_WORKER)
})
