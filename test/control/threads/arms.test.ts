/** Devices that go and come back while somebody else is after them, with a worker that only lets go when it is told. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../../netns/processes.ts'
import { parseConfig } from '../../../src/config/config.ts'
import { Arms } from '../../../src/control/threads/arms.ts'
import { SEED_CONFIG } from '../../kit/stand.ts'
import { holder, NS, namespacePerTest, TAP } from '../../kit/tap.ts'

namespacePerTest()

const YAML = SEED_CONFIG.replace(
  'name: dpdk0',
  `name: ${TAP}, netns: ${NS}`.replace(', ', '\n    '),
)

/** Of the first arm alone. */
function arms(t: TestContext, force = false) {
  const config = parseConfig(YAML, 'x.yaml')
  const said: string[] = []
  const only = { ...config, arms: config.arms.slice(0, 1) }
  const one = new Arms(only, {
    force,
    warn: text => said.push(text),
    send: () => {},
  })
  t.after(() => {
    one.stop()
    one.release()
  })
  one.open()
  const lose = () => one.lost(0, 0)
  const says = (pattern: RegExp) =>
    until(
      `${pattern}`,
      { limitMs: 10_000 },
      () => said.some(text => pattern.test(text)) || undefined,
    )
  return { one, said, lose, says }
}

test('a lost device that another process has meanwhile is left to it, which is said once, until it lets go', async t => {
  const { one, said, lose, says } = arms(t)
  assert.equal(one.state(0).admin, 'down')
  said.splice(0)
  const other = await holder(t)
  lose()
  assert.equal(one.state(0).admin, 'gone')
  await says(/ is held by node /)
  // Two more looks.
  await sleep(2500)
  const where = `TAP ${TAP} in ${NS}`
  assert.deepEqual(said, [
    `arm ${TAP} is gone`,
    `${where} is held by node (pid ${other.pid}): stop that, or insist with tapvs run --force`,
  ])
  assert.equal(one.state(0).admin, 'gone')
  other.kill('SIGKILL')
  await says(/ is back$/)
  assert.equal(one.state(0).admin, 'down')
  // Another one, later, is worth a word again.
  said.splice(0)
  const another = await holder(t)
  lose()
  await says(new RegExp(`is held by node \\(pid ${another.pid}\\)`))
})

test('with force it is taken all the same', async t => {
  const { said, lose, says } = arms(t, true)
  await holder(t)
  lose()
  await says(/ is back$/)
  assert.ok(!said.some(text => text.includes('is held')))
})
