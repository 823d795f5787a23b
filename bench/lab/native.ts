/** The benchmark's C programs, compiled when they are needed. */

import { existsSync, readdirSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { mustRun } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'

const FOLDER = join(CHECKOUT, 'build') // where the addon is, too
const FLAGS = ['-O2', '-Wall', '-Wextra', '-Werror', '-std=c11']

/** Compiles `bench/SOURCE` unless that is done. => the program */
export async function compiled(source: string): Promise<string> {
  const file = join(CHECKOUT, 'bench', source)
  const program = join(FOLDER, basename(source, '.c'))
  const newest = Math.max(...readdirSync(dirname(file)).map(name => age(join(dirname(file), name))))
  if (existsSync(program) && age(program) > newest) return program
  // Beside it first: another benchmark may be running the old one.
  const aside = `${program}.${process.pid}`
  await mustRun(['cc', ...FLAGS, '-o', aside, file])
  renameSync(aside, program)
  return program
}

function age(file: string): number {
  return statSync(file).mtimeMs
}
