/**
 * Stand-ins for what the daemon's code asks of Node, as far as that code is in the playground. What a scenario cannot come to, files,
 * digests of lists and of secrets, schedulers of an operator's own, says that it is not here.
 */

import { parseIp } from '../../src/wire/ip-address.ts'

const notHere = (what: string) => (): never => {
  throw new Error(`there is no ${what} in a browser tab`)
}

/** node:net */
export function isIPv4(text: string): boolean {
  return typeof parseIp(text) === 'number'
}

/** node:crypto. Nothing that the playground makes is by chance: what asks for it there is never used. */
export function randomInt(): number {
  return 0
}
export function randomBytes(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes))
}
export const createHash = notHere('node:crypto')

/** node:fs */
export const readFileSync = notHere('node:fs')
export const openSync = notHere('node:fs')
export const closeSync = notHere('node:fs')
export const fstatSync = notHere('node:fs')
export const constants = {}

/** node:vm, node:module */
export class Script {
  constructor() {
    notHere('node:vm')()
  }
}
export const stripTypeScriptTypes = undefined

/** node:http */
export const request = notHere('node:http')

/** node:perf_hooks */
export const performance = globalThis.performance
