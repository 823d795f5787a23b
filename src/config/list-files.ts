/**
 * Files of prefixes, one in a line, with blank lines and comments from # or ; on. A file that whoever is not trusted could write is not
 * believed; each mistake is told with its line.
 */

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import type { Prefixes } from '../engine/prefix-rows.ts'
import {
  type PackedList,
  PREFIXES_MAX,
  packList,
  prefixesOf,
  prefixProblem,
  unpackList,
} from './prefix-lists.ts'

const FILE_MOST = 16 * 1024 * 1024
/** More mistakes of one file are only counted. */
const MISTAKES_MOST = 50

export interface ListFile {
  prefixes: Prefixes
  /** `FILE:LINE: expected ..., found ...`; with one nothing counts. */
  mistakes: string[]
}

export type ReadList = (path: string) => ListFile

/** Each file is read once, however many name it. */
export class ListFiles {
  readonly #read: ReadList
  readonly #files = new Map<string, ListFile>()

  constructor(read: ReadList = readListFile) {
    this.#read = read
  }

  get(path: string): ListFile {
    const file = this.#files.get(path) ?? this.#read(path)
    this.#files.set(path, file)
    return file
  }

  /** Those without a mistake. */
  packed(): [path: string, list: PackedList][] {
    return [...this.#files].map(([path, { prefixes }]) => [path, packList(prefixes)])
  }
}

/** In place of files, what was read of them before: nothing is read again. What is not there is empty. */
export function keptLists(lists: Readonly<Record<string, PackedList>>): ReadList {
  return path => ({ prefixes: unpackList(lists[path] ?? ''), mistakes: [] })
}

export function readListFile(path: string): ListFile {
  try {
    return listOf(path, textOf(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'no such file' : message
    return { prefixes: new Int32Array(), mistakes: [`${path}: ${why}`] }
  }
}

function textOf(path: string): string {
  // A named pipe would be waited for.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const problem = problemOf(fstatSync(fd))
    if (problem !== undefined) throw new Error(problem)
    return readFileSync(fd, 'latin1')
  } finally {
    closeSync(fd)
  }
}

function problemOf(stats: Stats): string | undefined {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0]
  if (!stats.isFile()) return 'expected a file'
  if (stats.uid !== 0 && stats.uid !== uid)
    return `expected a file of root or of user ${uid}, found one of user ${stats.uid}`
  const byGroup = (stats.mode & 0o020) !== 0 && stats.gid !== 0 && stats.gid !== gid
  if (byGroup || (stats.mode & 0o002) !== 0)
    return 'others may write it: chmod go-w keeps them from saying who gets in'
  if (stats.size > FILE_MOST) return `expected at most ${FILE_MOST} bytes, found ${stats.size}`
  return undefined
}

function listOf(path: string, text: string): ListFile {
  const found: string[] = []
  const mistakes: string[] = []
  let count = 0
  let more = 0
  for (const [i, line] of text.split('\n').entries()) {
    const entry = line.split(/[#;]/, 1)[0]?.trim() ?? ''
    if (entry === '') continue
    // Beyond that they are only counted: to look at millions takes long, and nothing comes of it.
    const problem = count++ < PREFIXES_MAX ? prefixProblem(entry) : undefined
    if (problem === undefined) found.push(entry)
    else if (mistakes.length < MISTAKES_MOST) mistakes.push(`${path}:${i + 1}: ${problem}`)
    else more++
  }
  if (more > 0) mistakes.push(`${path}: and ${more} more mistakes`)
  if (count > PREFIXES_MAX)
    mistakes.push(`${path}: expected at most ${PREFIXES_MAX} prefixes, found ${count}`)
  return { prefixes: mistakes.length > 0 ? new Int32Array() : prefixesOf(found), mistakes }
}
