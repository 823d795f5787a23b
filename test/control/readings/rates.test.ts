import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TrafficInfo } from '../../../src/api/commands.ts'
import { Rates } from '../../../src/control/readings/rates.ts'

/** A real server that has counted so many connections, ten times as many packets, and so on. */
function counted(conns: number, name = 'rs'): [string, TrafficInfo] {
  const packets = { in_packets: conns * 10, out_packets: conns * 8 }
  return [name, { conns, ...packets, in_bytes: conns * 1000, out_bytes: conns * 5000 }]
}

test('a quarter of what is new goes into the rate, every two seconds', () => {
  const rates = new Rates()
  rates.sample([counted(0)], 0)
  assert.equal(rates.of('rs').conns, 0)
  // 1000 a second from now on.
  const seen = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(i => {
    rates.sample([counted(i * 2000)], i * 2000)
    return rates.of('rs').conns
  })
  assert.deepEqual(seen, [250, 438, 578, 684, 763, 822, 867, 900, 925, 944])
  assert.deepEqual(rates.of('rs'), {
    conns: 944,
    in_packets: 9437,
    out_packets: 7549,
    in_bytes: 943_686,
    out_bytes: 4_718_432,
  })
})

test('a burst fades', () => {
  const rates = new Rates()
  rates.sample([counted(0)], 0)
  rates.sample([counted(8000)], 2000)
  const seen = [4000, 6000, 8000].map(now => {
    rates.sample([counted(8000)], now)
    return rates.of('rs').conns
  })
  assert.deepEqual(seen, [750, 563, 422])
})

test('a sample that comes late is taken over the time that has passed', () => {
  const rates = new Rates()
  rates.sample([counted(0)], 0)
  rates.sample([counted(40_000)], 40_000)
  assert.equal(rates.of('rs').conns, 250)
})

test('counters that were set to zero count what they have counted since', () => {
  const rates = new Rates()
  rates.sample([counted(1_000_000)], 0)
  rates.sample([counted(400)], 2000)
  assert.equal(rates.of('rs').conns, 50)
})

test('who is new begins at zero, who has gone is forgotten', () => {
  const rates = new Rates()
  const other = counted(500, 'other')
  rates.sample([counted(0)], 0)
  rates.sample([counted(4000), other], 2000)
  assert.equal(rates.of('other').conns, 0)
  rates.sample([other], 4000)
  assert.equal(rates.of('rs').conns, 0)
  rates.sample([counted(90_000), other], 6000)
  assert.equal(rates.of('rs').conns, 0, 'a real server that comes back is new')
})
