/**
 * `node failing-main.js run --config FILE [options]`: the daemon with the packet threads of failing-worker.ts. It waits itself, for so many
 * ms, in the middle of whatever it does, when a file `control` in that folder has the number.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runDaemon } from '../../src/control/daemon.ts'
import { decideSignals } from '../../src/control/system/signals.ts'
import { Signals } from '../../src/control/system/stop.ts'

decideSignals()
const file = join(process.env.TAPVS_TEST_FAIL ?? '', 'control')
setInterval(() => {
  if (!existsSync(file)) return
  const ms = Number(readFileSync(file, 'utf8'))
  rmSync(file)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}, 20).unref()

const program = new URL('./failing-worker.js', import.meta.url)
const config = process.argv[process.argv.indexOf('--config') + 1] as string
process.exit(await runDaemon(config, { signals: new Signals(), program }))
