/** A change that the programs of NICs have no room for is refused as a whole, before anything is carried out. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configOf } from '../../../src/config/config.ts'
import { nicProblem } from '../../../src/control/threads/nic-room.ts'
import { paperDaemon } from '../../kit/control.ts'

/** Entries of SNAT, each beside `routes` networks that no two of are one range. */
function file(kind: 'nic' | 'tap', routes: number, entries: number, source = '10.0') {
  const way = (i: number) => ({ to: `172.${16 + (i >> 7)}.${(i & 127) * 2}.0/24` })
  return {
    arms: [
      { name: 'int0', kind, addresses: ['10.255.0.1/16'] },
      {
        ...{ name: 'ext0', kind, addresses: ['192.0.2.1/24'], local_addresses: ['192.0.2.9'] },
        routes: Array.from({ length: routes }, (_, i) => way(i)),
      },
    ],
    snat: Array.from({ length: entries }, (_, i) => ({
      ...{ protocol: 'tcp', source: `${source}.${i}.0/24`, out: 'ext0' },
      addresses: [{ address: '192.0.2.9' }],
    })),
  }
}
const problem = (before: object, after: object) => nicProblem(configOf(before), configOf(after))

test('what is more than a program has room for, with the NIC that it is of', () => {
  const few = file('nic', 100, 1)
  assert.equal(problem(few, file('nic', 100, 40)), undefined)
  assert.match(
    problem(few, file('nic', 1000, 40)) ?? '',
    /^nic int0: more addresses, .* and routes than the program of a NIC has room for: take some away$/,
  )
  assert.equal(problem(few, file('tap', 1000, 40)), undefined)
  const addresses = Array.from({ length: 4000 }, (_, i) => `2001:db8::${(i + 1).toString(16)}/128`)
  const six = { arms: [{ name: 'ext0', kind: 'nic', addresses }] }
  assert.match(problem({ arms: [{ name: 'ext0', kind: 'nic' }] }, six) ?? '', /^nic ext0: more/)
})

test('what goes is ours as long as its connections last, so it counts', () => {
  const [one, other] = [file('nic', 80, 60), file('nic', 80, 60, '10.1')]
  assert.equal(problem(one, one), undefined)
  assert.ok(problem(one, other))
})

test('nothing of such a change is carried out', async () => {
  const few = file('nic', 1000, 1)
  const daemon = paperDaemon(few)
  const carryOut = () => assert.fail('carried out')
  const more = configOf(file('nic', 1000, 40))
  await assert.rejects(daemon.model.apply(more, false, carryOut), { kind: 'invalid' })
  await assert.rejects(daemon.model.apply(more, true, carryOut), /room/)
  assert.equal(daemon.model.config.snat.length, 1)
})
