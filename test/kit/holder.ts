/** held-open.ts among the clients of a lab: connections that are held open, and a stream of requests. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Lab } from '../../netns/two-arm.ts'
import type { HeldOpen } from './held-open.ts'
import { VIP } from './lab.ts'

const HELD_OPEN = fileURLToPath(new URL('./held-open.js', import.meta.url))

/** @param atOnce so many are being opened at a time; held-open.ts knows a number of its own */
export async function heldOpen(t: TestContext, lab: Lab, count: number, atOnce?: number) {
  const argv = [process.execPath, HELD_OPEN, VIP, '6379', `${count}`]
  if (atOnce !== undefined) argv.push(`${atOnce}`)
  const child = lab.spawn('client', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  assert.ok(child.stdout && child.stdin)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'open')
  const { stdin } = child
  return {
    /** All of them are asked once more. */
    look: async (): Promise<HeldOpen> => {
      stdin.write('\n')
      return JSON.parse((await lines.next()).value)
    },
    end: async (): Promise<HeldOpen> => {
      const gone = once(child, 'exit')
      stdin.end()
      const held = JSON.parse((await lines.next()).value)
      await gone
      return held
    },
  }
}
