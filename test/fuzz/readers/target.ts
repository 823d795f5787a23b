/** What reads texts or bytes of others, and how it is fuzzed. */

import { Script } from 'node:vm'
import { Chance } from '../chance.ts'
import { Coverage } from '../coverage.ts'

export interface Target<T> {
  name: string
  seeds: readonly T[]
  mutate(chance: Chance, input: T, other: T): T
  /** Reads the input; what it throws is judged by `isRefusal`. Throws Fault for what is wrong in what was read. */
  read(input: T): unknown
  /** It is the error that the reader is said to throw; its words are looked at besides. */
  isRefusal(error: Error): boolean
  /** What is told of the error, if not its message as it is. */
  told?: (message: string) => string
  /** Whose code counts, by its URL. */
  files: RegExp
  /** ms that one input may take. */
  limitMs: number
  /** As text, for a test of its own. */
  show(input: T): string
}

/** What was read is wrong, whatever the reader says. */
export class Fault extends Error {}

export interface Plan {
  seed: number
  inputs: number
  /** Of performance.now(), when it is enough. */
  end?: number
}

export interface Read {
  inputs: number
  /** Those that were not refused. */
  taken: number
  /** Inputs kept because they reached code that none had reached. */
  found: number
  /** Blocks of code reached, and those of them that no seed had. */
  blocks: number
  fresh: number
}

/** Inputs between two looks at the coverage. */
const LOOK_EVERY = 100
const FOUND_MAX = 3000
/** Of the newest, which are better to begin from. */
const NEWEST = 50

/** Throws Error with the input that shows a fault. */
export async function fuzzReader<T>(target: Target<T>, plan: Plan): Promise<Read> {
  const coverage = new Coverage(target.files)
  try {
    return await run(target, plan, coverage)
  } finally {
    coverage.stop()
  }
}

async function run<T>(target: Target<T>, plan: Plan, coverage: Coverage): Promise<Read> {
  const { seed, inputs, end = Number.POSITIVE_INFINITY } = plan
  const chance = new Chance(seed)
  const corpus = [...target.seeds]
  let taken = 0
  let count = 0
  for (const input of target.seeds) {
    if (await isTaken(target, input)) taken++
    count++
  }
  const known = coverage.take().size
  while (count < inputs && performance.now() < end) {
    const batch: T[] = []
    const size = Math.min(LOOK_EVERY, inputs - count)
    for (let i = 0; i < size; i++) {
      const from = chance.once(3) ? corpus.slice(-NEWEST) : corpus
      const input = target.mutate(chance, chance.pick(from), chance.pick(corpus))
      batch.push(input)
      if (await isTaken(target, input)) taken++
    }
    count += size
    const fresh = coverage.take()
    // Nobody goes on from what the last ones have found.
    if (fresh.size > 0 && corpus.length < FOUND_MAX && count < inputs)
      corpus.push(...(await reaching(target, batch, fresh, coverage)))
  }
  const found = corpus.length - target.seeds.length
  const { blocks } = coverage
  return { inputs: count, taken, found, blocks, fresh: blocks - known }
}

/** => Those of the batch, as few as will do, that reach the blocks */
async function reaching<T>(
  target: Target<T>,
  batch: readonly T[],
  blocks: Set<string>,
  coverage: Coverage,
): Promise<T[]> {
  const found: T[] = []
  const step = batch.length > 10 ? 10 : 1
  for (let at = 0; at < batch.length && blocks.size > 0; at += step) {
    const part = batch.slice(at, at + step)
    for (const input of part) await isTaken(target, input)
    const reached = coverage.among(blocks)
    if (reached.length === 0) continue
    if (step === 1) found.push(...part)
    else found.push(...(await reaching(target, part, new Set(reached), coverage)))
    for (const block of reached) blocks.delete(block)
  }
  return found
}

/** ms of the clock after which a reader that does not come back is ended; on a busy machine others are slow. */
const HANGS_MS = 60_000
const CALL = new Script('tapvsFuzzed()')

/** A machine that stood still for a while was no reader's fault: it is one only that hangs twice. */
function inTime(work: () => unknown): unknown {
  Object.assign(globalThis, { tapvsFuzzed: work })
  try {
    return CALL.runInThisContext({ timeout: HANGS_MS })
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    return CALL.runInThisContext({ timeout: HANGS_MS })
  }
}

/** => false if it was refused, as it may be. Throws Error for anything else. */
async function isTaken<T>(target: Target<T>, input: T): Promise<boolean> {
  const begun = process.cpuUsage()
  try {
    await inTime(() => target.read(input))
  } catch (error) {
    const wrong = wrongWith(target, error as Error)
    if (wrong !== '') throw fault(target, input, wrong, error)
    return false
  }
  // Of the processor: others may have it meanwhile.
  const ms = process.cpuUsage(begun).user / 1000
  if (ms > target.limitMs) throw fault(target, input, `took ${Math.round(ms)} ms`, undefined)
  return true
}

function wrongWith<T>(target: Target<T>, error: Error): string {
  if (error instanceof Fault || !target.isRefusal(error)) return `${error.name}: ${error.message}`
  const { problems = [error.message] } = error as { problems?: string[] }
  const { told = text => text } = target
  const unprintable = problems.map(told).find(line => line === '' || /[\n\r]/.test(line))
  return unprintable === undefined ? '' : `a refusal in ${JSON.stringify(unprintable)}`
}

function fault<T>(target: Target<T>, input: T, what: string, cause: unknown): Error {
  const stack = cause instanceof Error ? `\n${cause.stack}` : ''
  return new Error(`${target.name}: ${what}\nof ${target.show(input)}${stack}`)
}
