/**
 * A scheduler that the operator has written: a file of JavaScript, read and tried when the config is read, and handed to the packet
 * threads as text. Those read no files, and nothing that waits comes to an end in them; so it stands alone, without imports.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import * as node from 'node:module'
import { Script } from 'node:vm'

export interface SchedulerModule {
  path: string
  /** A function's body that sets module.exports. */
  source: string
}

export const MODULE_BYTES_MAX = 65_536
/** ms for what stands outside of its function. */
const LOAD_MS = 200
const { O_RDONLY, O_NONBLOCK } = constants
const GROUP_AND_OTHERS_WRITE = 0o022

/** What is wrong with it, as something that was found. */
export class ModuleProblem extends Error {}

/** The text, ready to be called. Throws ModuleProblem. */
export function moduleOf(path: string): SchedulerModule {
  const text = readOwned(path)
  const source = asBody(/\.m?ts$/.test(path) ? withoutTypes(text) : text)
  const chosen = evaluated({ path, source }, LOAD_MS)
  if (typeof chosen !== 'function')
    throw new ModuleProblem(`a module whose default export is ${kindOf(chosen)}`)
  return { path, source }
}

/** Whatever it exports. Throws what it throws, as a ModuleProblem. */
export function evaluated({ path, source }: SchedulerModule, timeout?: number): unknown {
  try {
    // On one line with its first one, so that the lines of its errors are its own.
    const code = `((module, exports) => { ${source}\n; return module.exports })(...(m => [m, m.exports])({ exports: {} }))`
    const options = timeout === undefined ? {} : { timeout }
    const exports = new Script(code, { filename: path }).runInThisContext(options)
    return typeof exports === 'object' && exports !== null ? exports.default : exports
  } catch (error) {
    throw new ModuleProblem(`a module that cannot be loaded: ${lineOf(error)}`)
  }
}

/** One line. Never throws, whatever it is that was thrown. */
export function lineOf(error: unknown): string {
  return textOf(error).replaceAll(/\s+/g, ' ').slice(0, 200)
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  } catch {
    return 'what has no text'
  }
}

function readOwned(path: string): string {
  let fd: number
  try {
    // O_NONBLOCK: a named pipe would keep us waiting for a writer.
    fd = openSync(path, O_RDONLY | O_NONBLOCK)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ModuleProblem(code === 'ENOENT' ? 'no such file' : message)
  }
  try {
    const stats = fstatSync(fd)
    const { uid, mode, size } = stats
    if (!stats.isFile()) throw new ModuleProblem('what is no regular file')
    if (uid !== 0 && uid !== process.getuid?.())
      throw new ModuleProblem(`a file of user ${uid}, neither root nor who runs this`)
    if ((mode & GROUP_AND_OTHERS_WRITE) !== 0)
      throw new ModuleProblem('a file that others may write to: chmod go-w')
    if (size > MODULE_BYTES_MAX)
      throw new ModuleProblem(`a file of ${size} bytes, more than ${MODULE_BYTES_MAX}`)
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}

/** An ES module of which only the default is exported becomes a function's body. */
function asBody(text: string): string {
  return text.replace(/^\uFEFF/, '').replace(/^export\s+default\s+/m, 'module.exports = ')
}

function withoutTypes(text: string): string {
  const strip = (node as { stripTypeScriptTypes?: (text: string) => string }).stripTypeScriptTypes
  if (strip === undefined)
    throw new ModuleProblem(
      `TypeScript, which Node ${process.versions.node} does not read: from 22.13 on, or compile it to JavaScript`,
    )
  try {
    return strip(text)
  } catch (error) {
    throw new ModuleProblem(`a module that cannot be loaded: ${lineOf(error)}`)
  }
}

function kindOf(value: unknown): string {
  return value === undefined ? 'not there' : value === null ? 'null' : `of type ${typeof value}`
}
