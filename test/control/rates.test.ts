import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceInfo } from '../../src/control/commands.ts'
import { Rates } from '../../src/control/rates.ts'
import { SERVICES } from '../cli/canned.ts'

const [SERVICE] = SERVICES

/** The service with so many connections counted, a tenth of the packets in, and so on. */
function counted(conns: number): ServiceInfo {
  const stats = {
    conns,
    inPackets: conns * 10,
    outPackets: conns * 8,
    inBytes: conns * 1000,
    outBytes: conns * 5000,
  }
  return { ...SERVICE, realServers: SERVICE.realServers.map(rs => ({ ...rs, stats })) }
}

function rateOf(rates: Rates, service = SERVICE) {
  return rates.of(service, service.realServers[0])
}

test('a quarter of what is new goes into the rate, every two seconds', () => {
  const rates = new Rates()
  rates.sample([counted(0)], 0)
  assert.equal(rateOf(rates).conns, 0)
  // 1000 a second from now on.
  const seen = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(i => {
    rates.sample([counted(i * 2000)], i * 2000)
    return rateOf(rates).conns
  })
  assert.deepEqual(seen, [250, 438, 578, 684, 763, 822, 867, 900, 925, 944])
  assert.deepEqual(rateOf(rates), {
    conns: 944,
    inPackets: 9437,
    outPackets: 7549,
    inBytes: 943_686,
    outBytes: 4_718_432,
  })
})

test('a burst fades', () => {
  const rates = new Rates()
  rates.sample([counted(0)], 0)
  rates.sample([counted(8000)], 2000)
  const seen = [4000, 6000, 8000].map(now => {
    rates.sample([counted(8000)], now)
    return rateOf(rates).conns
  })
  assert.deepEqual(seen, [750, 563, 422])
})

test('a sample that comes late is taken over the time that has passed', () => {
  const rates = new Rates()
  rates.sample([counted(0)], 0)
  rates.sample([counted(40_000)], 40_000)
  assert.equal(rateOf(rates).conns, 250)
})

test('counters that were set to zero count what they have counted since', () => {
  const rates = new Rates()
  rates.sample([counted(1_000_000)], 0)
  rates.sample([counted(400)], 2000)
  assert.equal(rateOf(rates).conns, 50)
})

test('who is new begins at zero, who has gone is forgotten', () => {
  const rates = new Rates()
  const other = { ...counted(500), port: 80 }
  rates.sample([counted(0)], 0)
  rates.sample([counted(4000), other], 2000)
  assert.equal(rateOf(rates, other).conns, 0)
  rates.sample([other], 4000)
  assert.equal(rateOf(rates).conns, 0)
  rates.sample([counted(90_000), other], 6000)
  assert.equal(rateOf(rates).conns, 0, 'a real server that comes back is new')
})
