/** `tapvs run --config FILE` with the packet threads of paper-worker.ts and devices that there are none of. */

import { runDaemon } from '../../src/control/daemon.ts'
import { decideSignals } from '../../src/control/system/signals.ts'
import { Signals } from '../../src/control/system/stop.ts'
import type { OpenQueues } from '../../src/control/threads/arms.ts'

decideSignals()

let opened = 0
const openQueues: OpenQueues = ({ name }, workers) => {
  if (name === 'busy') throw new Error('TUNSETIFF busy: Device or resource busy')
  opened++
  if (opened === 2) throw new Error('still gone')
  const fds = Array.from({ length: workers }, (_, worker) => 100 * opened + worker)
  return name === 'unsteered'
    ? { fds, unsteered: 'BPF_PROG_LOAD: Operation not permitted' }
    : { fds }
}

const program = new URL('./paper-worker.js', import.meta.url)
const options = { signals: new Signals(), program, openQueues }
process.exit(await runDaemon(process.argv[2] as string, options))
