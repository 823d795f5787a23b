/** The address of a LIP that was taken away stays ours as long as connections hold it, and goes then. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { until } from '../../../netns/processes.ts'
import type { Change } from '../../../src/config/changes.ts'
import { Changing } from '../../../src/control/threads/changing.ts'
import { Ways } from '../../../src/control/threads/ways.ts'

const [LIP, OTHER, VIP] = ['192.0.2.7', '192.0.2.8', '192.0.2.1']
const address = (put: 'address' | 'no-address', of: string, arm = 1): Change => ({
  put,
  arm,
  address: of,
  prefixLength: 32,
})
const lip = (put: 'lip' | 'no-lip', of: string, place = 0): Change => ({ put, address: of, place })
const own = (lips: string[]) => ({ lips, addresses: [VIP, ...lips], arms: [] })

/** One whose places of LIPs are held as `held` says, with what it did. */
function changing(t: TestContext) {
  const held = new Set<number>()
  const told: string[] = []
  let steered: readonly string[] = []
  let ours: readonly string[] = []
  let taken: readonly string[] = []
  const one = new Changing(
    own([LIP]),
    { isQuiet: place => !held.has(place), ways: new Ways(place => !held.has(place)) },
    {
      steer: (lips, { servers }) => {
        steered = [...lips, ...servers.map(({ address, port }) => `${address}:${port}`)]
      },
      takeWays: (_, { servers }) => {
        taken = servers.map(({ address }) => address)
      },
      readdress: addresses => {
        ours = addresses
      },
      readdressMore: addresses => {
        ours = [...new Set([...ours, ...addresses])]
      },
    },
    async changes => {
      for (const change of changes)
        told.push(`${change.put} ${'address' in change ? change.address : ''}`)
    },
    5,
  )
  t.after(() => one.stop())
  const take = () => told.splice(0)
  return {
    one,
    held,
    take,
    steered: () => [...steered],
    taken: () => taken,
    ours: () => [...new Set(ours)].sort(),
  }
}

const GOES = [lip('no-lip', LIP), address('no-address', LIP)]

test('one that nobody holds goes at once', async t => {
  const { one, take, steered, ours } = changing(t)
  await one.change(GOES, own([]))
  assert.deepEqual(take(), [`no-lip ${LIP}`, `no-address ${LIP}`])
  assert.deepEqual([steered(), ours()], [[], [VIP]])
})

test('one that connections hold goes when the last of them is gone', async t => {
  const { one, held, take, steered, ours } = changing(t)
  held.add(0)
  await one.change(GOES, own([]))
  assert.deepEqual(take(), [`no-lip ${LIP}`])
  assert.deepEqual([steered(), ours()], [[LIP], [VIP, LIP]])
  // Others come and go meanwhile.
  await one.change([address('address', OTHER), lip('lip', OTHER, 1)], own([OTHER]))
  await one.change([lip('no-lip', OTHER, 1), address('no-address', OTHER)], own([]))
  assert.deepEqual([steered(), ours()], [[LIP], [VIP, LIP]])
  take()
  held.clear()
  await until('its address to go', { limitMs: 3000 }, () => ours().length === 1 || undefined)
  assert.deepEqual([take(), steered()], [[`no-address ${LIP}`], []])
})

test('one that comes back is there, on whichever arm', async t => {
  for (const arm of [1, 2]) {
    const { one, held, take, steered, ours } = changing(t)
    held.add(0)
    await one.change(GOES, own([]))
    take()
    await one.change([address('address', LIP, arm), lip('lip', LIP)], own([LIP]))
    assert.deepEqual(take(), [`no-address ${LIP}`, `address ${LIP}`, `lip ${LIP}`])
    held.clear()
    await new Promise(done => setTimeout(done, 30))
    assert.deepEqual([take(), steered(), ours()], [[], [LIP], [VIP, LIP]])
  }
})

test('one that moves to another arm, and an address that is no LIP, wait for nobody', async t => {
  const { one, held, take } = changing(t)
  held.add(0)
  await one.change([address('address', LIP, 2), address('no-address', LIP, 1)], own([LIP]))
  await one.change([address('no-address', VIP, 0)], own([LIP]))
  assert.deepEqual(take(), [`address ${LIP}`, `no-address ${LIP}`, `no-address ${VIP}`])
})

test('its place is another LIP’s: then nobody held it any more', async t => {
  const { one, held, take, ours } = changing(t)
  held.add(0)
  await one.change(GOES, own([]))
  await one.change([address('address', OTHER), lip('lip', OTHER, 0)], own([OTHER]))
  take()
  await until('its address to go', { limitMs: 3000 }, () => !ours().includes(LIP) || undefined)
  assert.deepEqual([take(), ours()], [[`no-address ${LIP}`], [VIP, OTHER]])
})

test('an RS of NAT is steered by before it is used, and until its last connection is gone', async t => {
  const { one, held, steered, taken } = changing(t)
  const key = { protocol: 'tcp', vip: VIP, vport: 80, address: OTHER, port: 8080 } as const
  const rs = { ...key, place: 7, forwarding: 'nat', weight: 1 } as const
  await one.change([
    { put: 'rs', rs: { ...rs, upperThreshold: 0, lowerThreshold: 0, backup: false } },
  ])
  assert.deepEqual([steered(), taken()], [[LIP, `${OTHER}:8080`], [OTHER]])
  held.add(7)
  await one.change([{ put: 'no-rs', ...key }])
  await new Promise(done => setTimeout(done, 30))
  assert.deepEqual(steered(), [LIP, `${OTHER}:8080`])
  held.clear()
  await until('it to be forgotten', { limitMs: 3000 }, () => steered().length === 1 || undefined)
  assert.deepEqual(taken(), [])
})
