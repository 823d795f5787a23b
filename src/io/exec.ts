/**
 * One process after another (native/exec.c): who has some memory to himself, how a child ended that Node does not know of, and
 * another program in this very process. Wrong argument types throw TypeError, a system call that fails NativeError (native.ts).
 */

import { constants } from 'node:os'
import { loadAddon } from './addon.ts'

interface Addon {
  lockMemory(fd: number): number
  unlockMemory(fd: number): void
  waitChild(pid: number): number
  execute(path: string, argv: string[], environment: string[], keep: Int32Array): void
}

const addon = loadAddon<Addon>()

/**
 * Memory of hold.ts for this process alone, however many have its descriptor, until unlockMemory or the end of its last thread. A
 * process that closes any descriptor of that memory gives it up. => 0, or the pid of the process that has it
 */
export const lockMemory: Addon['lockMemory'] = addon.lockMemory
export const unlockMemory: Addon['unlockMemory'] = addon.unlockMemory

export interface Ended {
  /** As a shell counts it. */
  code: number
  signal: NodeJS.Signals | null
}

const SIGNALLED = 256

/** Of a child that this process has, but not this Node. => undefined while it runs; code 1 if it is none of ours */
export function endOfChild(pid: number): Ended | undefined {
  const status = addon.waitChild(pid)
  if (status < 0) return undefined
  if (status < SIGNALLED) return { code: status, signal: null }
  const number = status - SIGNALLED
  const [signal = 'SIGKILL'] =
    Object.entries(constants.signals).find(([, its]) => its === number) ?? []
  return { code: 128 + number, signal: signal as NodeJS.Signals }
}

/**
 * This process goes on as another program: the same pid, parent and children, standard input, output and error, and the descriptors
 * `keep`, which stay open over it. Every other one is closed, and no JavaScript runs any more. Comes back with NativeError only, and then
 * nothing has changed.
 */
export function execute(
  path: string,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  keep: readonly number[],
): never {
  const words = Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`)
  addon.execute(path, [...argv], words, Int32Array.from(keep))
  throw new Error('exec has come back')
}
