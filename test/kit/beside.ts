/** Programs of the tests' own that run at the client while something else happens: redis-load, drips. */

import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { VIP } from './lab.ts'

export interface Beside<T> {
  /** Resolves when it has said so. */
  said(text: string): Promise<true>
  /** Has it end. => what it has seen */
  end(): Promise<T>
}

/** Starts one that talks to the service at port 6379; `words` follow. */
export function beside<T>(
  t: TestContext,
  lab: Lab,
  program: string,
  ...words: (string | number)[]
): Beside<T> {
  const file = join(CHECKOUT, `dist/test/kit/${program}.js`)
  const argv = [process.execPath, file, VIP, '6379', ...words.map(String)]
  const child = lab.spawn('client', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  let printed = ''
  child.stdout?.on('data', text => {
    printed += text
  })
  return {
    said: text => until(text, { limitMs: 8000 }, () => printed.includes(text) || undefined),
    end: async () => {
      child.stdin?.end()
      await once(child, 'close')
      return JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '') as T
    },
  }
}
