/** The programs that a keeper starts: which one it is itself, and what another one is asked before it is believed. */

import { execFile } from 'node:child_process'
import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import { FACTS, type Facts, factsOf } from './facts.ts'

/** For saying its version: the start of Node on a machine that has much to do. */
const ANSWER_LIMIT_MS = 20_000
const ANSWER_BYTES = 65_536
const PATH_BYTES = 4095
/** Writable by group or others. */
const BY_OTHERS = 0o022
const STICKY = 0o1000

export interface Program {
  /** As it was named. */
  path: string
  /** What that was, links resolved: it stays what it is when a link is changed. */
  real: string
  facts: Facts
}

/** This one; `script` is what Node runs. */
export function ownProgram(script: string): Program {
  let real = script
  try {
    real = realpathSync(script)
  } catch {
    // Taken away since.
  }
  return { path: script, real, facts: FACTS }
}

/**
 * The program at a path, if nobody but root and this user can have put it there, and it says that it is a tapvs. Throws an Error in one
 * line that begins with the path.
 */
export async function programAt(path: string): Promise<Program> {
  const real = realOf(path)
  const problem = problemOf(real)
  if (problem) throw new Error(`${path} ${problem}`)
  const answer = await saidBy(real)
  if (answer instanceof Error)
    throw new Error(`${path} is no tapvs that can be asked (${answer.message})`)
  const facts = factsOf(answer)
  if (!facts) throw new Error(`${path} is no tapvs: "version --json" does not say what it is`)
  return { path, real, facts }
}

function realOf(path: string): string {
  if (!isAbsolute(path) || path.includes('\0') || Buffer.byteLength(path) > PATH_BYTES)
    throw new Error(`${path.slice(0, 200)} is no absolute path`)
  try {
    return realpathSync(path)
  } catch (error) {
    throw new Error(`${path} cannot be found (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** => why it is not to be started, in words; '' if nothing stands against it */
function problemOf(real: string): string {
  const about = statSync(real)
  if (!about.isFile()) return 'is no regular file'
  try {
    accessSync(real, constants.X_OK)
  } catch {
    return 'cannot be executed by this user'
  }
  if (isOthers(about))
    return 'belongs to, or can be written by, somebody else than root and this user'
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    const its = statSync(folder)
    // In a sticky one nobody replaces what is another's.
    if (isOthers(its) && !(its.mode & STICKY && its.uid === 0))
      return `is in ${folder}, which belongs to, or can be written by, somebody else than root and this user`
    if (folder === dirname(folder)) return ''
  }
}

function isOthers({ uid, mode }: Stats): boolean {
  return (uid !== 0 && uid !== process.geteuid?.()) || (mode & BY_OTHERS) !== 0
}

function saidBy(real: string): Promise<string | Error> {
  return new Promise(done => {
    const options = {
      timeout: ANSWER_LIMIT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: ANSWER_BYTES,
      cwd: '/',
    } as const
    const asked = execFile(real, ['version', '--json'], options, (error, stdout) => {
      if (!error) return done(stdout)
      const [line = ''] = error.message.split('\n')
      done(
        error.killed ? new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`) : new Error(line),
      )
    })
    asked.stdin?.end()
  })
}
