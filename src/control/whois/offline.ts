/** The history's file without a daemon. */

import { accessSync, constants } from 'node:fs'
import { ipv4Int } from '../../wire/address.ts'
import { HistoryDatabase } from './database.ts'
import { merged } from './ended.ts'
import { sqliteProblem } from './problem.ts'
import type { WhoisInfo } from './types.ts'
import { LIMIT, rsFilter } from './whois.ts'

export interface Look {
  address: string
  port: number
  rs: string | undefined
  /** null: who had it last. */
  time: { fromMs: number; toMs: number } | null
}

/** Throws an Error in one line, without the file's name. */
export async function lookUp(path: string, look: Look): Promise<WhoisInfo> {
  const { address, port, time } = look
  const rs = look.rs === undefined ? null : rsFilter(look.rs)
  try {
    accessSync(path, constants.R_OK)
    const history = await HistoryDatabase.open(path, false)
    try {
      // A file knows no LIPs, so the address may be either.
      const found = merged(
        (['lip', 'client'] as const).map(by => {
          const key = { by, address: ipv4Int(address), port }
          const ever = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }
          const search = { key, rs, ...(time ?? ever), limit: time ? LIMIT + 1 : 1 }
          return history.find(search, false, Date.now())
        }),
      )
      const { conns, gaps, sinceMs } = found
      const of = { as: 'lip', lips: [], sinceMs } as const
      if (!time) return { ...of, conns: [], more: false, last: conns.at(-1) ?? null, gaps: [] }
      return { ...of, conns: conns.slice(-LIMIT), more: conns.length > LIMIT, last: null, gaps }
    } finally {
      history.close()
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    throw new Error(code === 'ENOENT' ? 'no such file' : sqliteProblem(code, message))
  }
}
