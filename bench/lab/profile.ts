/**
 * Where a worker's CPU goes under a load, the kernel's part included: perf's samples of tapvs as a flame graph. Needs
 * perf (Debian: linux-perf), which V8 tells the names of its code.
 *
 *   node dist/bench/lab/profile.js docs/figures/worker-flame.svg get-1
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LabError } from '../../netns/lab-error.ts'
import { mustRun } from '../../netns/processes.ts'
import { addStack, type Flame, flameSvg, newFlame } from '../flame.ts'
import { CONTENDERS } from './contenders.ts'
import { allLoads, clientTool } from './loads.ts'
import { Stand } from './stand.ts'

const SECONDS = 4
/** Not every machine counts cycles; time is there on all. */
const RECORD = ['perf', 'record', '-e', 'cpu-clock', '-F', '1999', '-g']

/** `perf script`'s stacks, the innermost function first, as one tree. Names of V8's code lose their files. */
export function perfTree(script: string): Flame {
  const tree = newFlame()
  for (const sample of script.split('\n\n')) {
    const stack = sample
      .split('\n')
      .slice(1)
      .map(line => nameOf(line.trim().replace(/^[0-9a-f]+ /, '')))
      .filter(name => name !== '' && name !== '[unknown]')
    if (stack.length > 0) addStack(tree, stack.reverse(), 1)
  }
  return tree
}

/** `JS:*#pump file:///...` is the optimised code of #pump; a `+0x1f` is where in it. */
function nameOf(symbol: string): string {
  const js = /^JS:[*+^~']?(\S*)/.exec(symbol)
  return js ? js[1] || '(anonymous)' : symbol.replace(/\+0x[0-9a-f]+$/, '')
}

async function main(file: string, key: string): Promise<void> {
  const load = allLoads().find(({ rows }) => rows.includes(key))
  const tapvs = CONTENDERS.find(({ name }) => name === 'tapvs')
  if (load === undefined || tapvs === undefined) throw new LabError(`no row ${key}`)
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-profile-'))
  const stand = new Stand('tapvs-profile', folder)
  const { signal } = new AbortController()
  try {
    process.env.NODE_OPTIONS = '--perf-basic-prof' // for the daemon
    await tapvs.raise(stand, signal)
    delete process.env.NODE_OPTIONS
    if (load.server) await stand.raiseServer(load.server, signal)
    const [pid] = await tapvs.pids(stand)
    const tool = clientTool(stand, false, signal)
    const rate = await load.warmUp(tool, SECONDS / 2)
    const samples = join(folder, 'perf.data')
    await Promise.all([
      load.measure(tool, SECONDS, rate),
      mustRun([...RECORD, '-p', `${pid}`, '-o', samples, 'sleep', `${SECONDS - 1}`]),
    ])
    const script = await mustRun(['perf', 'script', '-F', 'comm,ip,sym', '-i', samples])
    writeFileSync(file, flameSvg(perfTree(script)))
    rmSync(`/tmp/perf-${pid}.map`, { force: true })
  } finally {
    await stand.down()
    rmSync(folder, { recursive: true, force: true })
  }
}

const [, program, file, key = 'get-1'] = process.argv
if (import.meta.url === `file://${program}` && file !== undefined) await main(file, key)
