/**
 * A keeper that goes on as that of another version, in the same process: its pid, its children and what supervises it stay. What it has is
 * left as JSON in a piece of memory that stays open over exec, with the descriptors that it names.
 */

import { fstatSync } from 'node:fs'
import { execute } from '../../io/exec.ts'
import { createMemory, mapMemory, sizeOfMemory } from '../../io/hold.ts'
import { closeFd } from '../../io/native.ts'
import { KEEPING } from '../system/layouts.ts'
import type { Inherited } from './child.ts'
import type { Program } from './program.ts'
import type { Holding } from './store.ts'

/** Names the memory to the program that follows. */
export const LEFT = 'TAPVS_LEFT'
const PAGE = 4096
/** Of names and what is said of them. */
const BYTES_MOST = 64 * 1024 * 1024

/** What one keeper leaves to the next. */
export interface Left {
  child: Inherited
  held: [name: string, holding: Holding][]
  program: Program
  former: Program | null
  /** What came of the upgrade. */
  text: string
  /** Of what the service manager stores; null if nothing. */
  index: number | null
}

/** Goes on as `left.program` with these arguments. Comes back with an Error only, and then everything is as before. */
export function goOn(left: Left, words: readonly string[], environment: NodeJS.ProcessEnv): never {
  const text = Buffer.from(JSON.stringify({ keeping: KEEPING, ...left }))
  const bytes = Math.ceil((text.length + 1) / PAGE) * PAGE
  if (bytes > BYTES_MOST) throw new Error('too much is held')
  const memory = createMemory('tapvs-left', bytes)
  try {
    new Uint8Array(mapMemory(memory, 0, bytes)).set(text)
    const { real } = left.program
    execute(real, [real, ...words], { ...environment, [LEFT]: `${memory}` }, [
      memory,
      ...descriptorsOf(left),
    ])
  } catch (error) {
    closeFd(memory)
    throw error
  }
}

function descriptorsOf({ child, held, index }: Left): number[] {
  const fds = held.flatMap(([, holding]) => holding.fds)
  return [child.socket, child.bell, ...fds, ...(index === null ? [] : [index])]
}

/**
 * => what a former keeper in this process has left, undefined if there was none; its variable is taken out of `environment`. Throws an Error
 * in one line for anything else under that name.
 */
export function leftIn(environment: NodeJS.ProcessEnv): Left | undefined {
  const { [LEFT]: text } = environment
  delete environment[LEFT]
  if (text === undefined) return undefined
  const memory = /^\d{1,7}$/.test(text) ? Number(text) : -1
  const bytes = sizeOfMemory(memory)
  if (bytes > BYTES_MOST) throw new Error('it is too large')
  const words = Buffer.from(mapMemory(memory, 0, bytes))
  const { keeping, ...left } = JSON.parse(words.toString('utf8', 0, words.indexOf(0)))
  if (keeping !== KEEPING) throw new Error(`it speaks another language (${keeping})`)
  for (const fd of descriptorsOf(left)) fstatSync(fd)
  closeFd(memory)
  return left
}
