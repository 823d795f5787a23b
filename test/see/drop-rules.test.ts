/**
 * Every drop reason is explained, and the explanation names what failed the rule. The kit's provokers drive each through
 * the engine; goldens/explain-drop.txt has what is said of each, a line for the frame and one for the rule.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { contextOf } from '../../src/cli/explain/drop.ts'
import type { Arms } from '../../src/control/arms.ts'
import { addresses, counters, routes, services } from '../../src/control/listings.ts'
import { Drop } from '../../src/engine/counters.ts'
import { type Refusal, refusals } from '../../src/engine/drop-book.ts'
import { type DropReason, explainDrop } from '../../src/see/drop-rules.ts'
import { DROP_WORDS } from '../../src/see/drop-words.ts'
import { frameText } from '../../src/see/frame-text.ts'
import { open, WAN } from '../kit/connection.ts'
import { type Case, type DropName, frame, packet, provoke } from '../kit/drop.ts'
import { ETHERNET_IP_DROPS } from '../kit/drops-ethernet-ip.ts'
import { TCP_DROPS } from '../kit/drops-tcp.ts'
import { Stand } from '../kit/stand.ts'

const REASONS = Object.keys(Drop).map(name => name.toLowerCase()) as DropReason[]
const GOLDEN = join(CHECKOUT, 'test', 'goldens', 'explain-drop.txt')

function contextOfStand({ model }: Stand) {
  return contextOf({
    counters: counters(model, { isUp: () => true, queues: () => 1 } as unknown as Arms),
    addresses: addresses(model),
    routes: routes(model),
    services: services(model),
    config: model.config.file,
  })
}

function explained(stand: Stand, reason: DropReason, refusal: Refusal) {
  const { bytes, length } = refusal
  const arm = stand.config.arms[refusal.arm]?.name ?? null
  const whole = { arm, length: length - 10, bytes: bytes.subarray(10), vnet: bytes.subarray(0, 10) }
  const explanation = explainDrop(reason, whole, contextOfStand(stand))
  return { ...explanation, text: frameText(whole.bytes, whole.length) }
}

/** What is said of the last frame that was refused for a reason. */
function lastOf(stand: Stand, name: DropName) {
  const [refusal] = refusals(stand.dropMemory, Drop[name])
  assert.ok(refusal, name)
  return explained(stand, name.toLowerCase() as DropReason, refusal)
}

function linesOf({ name, drop, ...rest }: Case): string {
  const stand = provoke({ name, drop, ...rest })
  const { text, rule } = lastOf(stand, drop)
  return `${drop.toLowerCase()}: ${name}\n  ${text}\n  ${rule}\n`
}

test('what is said of each provoked drop is what the golden file has', () => {
  const said = [...ETHERNET_IP_DROPS, ...TCP_DROPS].map(linesOf).join('\n')
  assert.equal(said, readFileSync(GOLDEN, 'utf8'))
})

test('every reason has a sentence, a rule and an advice, whatever frame it is asked of', () => {
  const stand = new Stand()
  const whole = frame(packet())
  for (const reason of REASONS) {
    assert.ok(DROP_WORDS[reason], reason)
    for (const bytes of [whole, whole.subarray(0, 34), whole.subarray(0, 15)]) {
      for (const arm of [0, -1]) {
        const refusal = { time: 0, arm, length: whole.length, bytes }
        const { rule, advice } = explained(stand, reason, refusal)
        for (const text of [rule, advice]) {
          assert.match(text, /^\S[^\n]{10,}$/, reason)
          assert.doesNotMatch(text, /undefined|NaN|null/, reason)
        }
      }
    }
  }
})

test('a frame that waited for nobody names who did not answer', () => {
  const stand = new Stand()
  open(stand)
  stand.pass(4000)
  const { rule, advice } = lastOf(stand, 'NEIGH_UNRESOLVED')
  assert.equal(
    rule,
    '192.168.168.2 never answered the ARP of dpdk1, and the frame to 192.168.168.2 waited for it',
  )
  assert.match(advice, /dpip neigh add 192\.168\.168\.2 /)
})

test('what the loop and the arms drop says which arm and which ends', () => {
  const stand = new Stand()
  const bytes = frame(packet())
  const of = (reason: DropReason) =>
    explained(stand, reason, { time: 0, arm: 0, length: bytes.length, bytes }).rule
  assert.match(of('tx_queue_full'), /dpdk0 .*202\.108\.10\.2:33896 > 202\.108\.10\.1:6379/)
  assert.match(of('tx_arm_down'), /^dpdk0 was down/)
  assert.match(of('tx_error'), /54 bytes on dpdk0/)
  assert.match(of('impaired'), /impair\.loss of dpdk0 is 0$/)
  assert.match(of('hand_over_full'), /202\.108\.10\.2:33896/)
  stand.judge(WAN, bytes)
})
