/**
 * `node failing-main.js run --config FILE [options]`: the daemon with the packet threads of failing-worker.ts, which do what files in the folder
 * that TAPVS_TEST_FAIL names tell them: `WHAT-WORKER` (its index), WHAT one of FAILURES; hang and end happen once. A file `control`
 * with a number has the control thread wait for so many ms, in the middle of whatever it does.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, setEnvironmentData } from 'node:worker_threads'
import { runDaemon } from '../../src/control/daemon.ts'
import { decideSignals } from '../../src/control/system/signals.ts'
import { Signals } from '../../src/control/system/stop.ts'

export const FAILURES = ['hang', 'end', 'frames', 'timers'] as const
const ONCE = ['hang', 'end']
const WORKERS = 2
const LOOK_MS = 20

function look(folder: string, cells: Int32Array): void {
  for (let worker = 0; worker < WORKERS; worker++) {
    for (const [i, what] of FAILURES.entries()) {
      const cell = worker * FAILURES.length + i
      const file = join(folder, `${what}-${worker}`)
      const told = existsSync(file)
      if (!ONCE.includes(what)) Atomics.store(cells, cell, told ? 1 : 0)
      else if (told) {
        Atomics.store(cells, cell, 1)
        rmSync(file)
      }
    }
  }
  const control = join(folder, 'control')
  if (!existsSync(control)) return
  const ms = Number(readFileSync(control, 'utf8'))
  rmSync(control)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

async function main(): Promise<void> {
  decideSignals()
  const cells = new Int32Array(new SharedArrayBuffer(WORKERS * FAILURES.length * 4))
  setEnvironmentData('failures', cells)
  setInterval(() => look(process.env.TAPVS_TEST_FAIL ?? '', cells), LOOK_MS).unref()
  const program = new URL('./failing-worker.js', import.meta.url)
  const config = process.argv[process.argv.indexOf('--config') + 1] as string
  process.exit(await runDaemon(config, { signals: new Signals(), program }))
}

if (isMainThread) await main()
