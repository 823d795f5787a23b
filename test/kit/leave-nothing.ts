/**
 * Loaded before each test file (scripts/node-test). A thread or program that a failed test left running would keep its
 * file, and with it the whole run, for ever: a while after the last test the file ends all the same, as failed, and takes its
 * programs with it. (The runner's own --test-force-exit leaves so soon that results are lost.)
 */

import { readdirSync, readFileSync } from 'node:fs'
import { after } from 'node:test'

/** ms from the end of the tests; what tidies up behind them has that long. */
const PATIENCE = Number(process.env.TAPVS_TEST_PATIENCE_MS ?? 120_000)

// The runner loads this as well, and has no tests of its own.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  after(() => {
    setTimeout(leave, PATIENCE).unref()
  })
  process.on('exit', endChildren)
}

function leave(): void {
  console.log(`still running after the tests: ${process.getActiveResourcesInfo().join(', ')}`)
  process.exit(1)
}

function endChildren(): void {
  for (const pid of children()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {} // it has ended meanwhile
  }
}

/** Pids of this process's own children. Not every kernel has /proc/PID/task/TID/children. */
function children(): number[] {
  return readdirSync('/proc').flatMap(name => {
    if (!/^\d+$/.test(name)) return []
    try {
      // Behind the command, which may hold anything: the state and the parent.
      const [, parent] = /^.*\) . (\d+) /s.exec(readFileSync(`/proc/${name}/stat`, 'latin1')) ?? []
      return Number(parent) === process.pid ? [Number(name)] : []
    } catch {
      return [] // it has ended meanwhile
    }
  })
}
