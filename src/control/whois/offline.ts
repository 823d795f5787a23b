/** The history's file without a daemon. */

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
  fromMs: number
  toMs: number
}

/** Throws an Error in one line, without the file's name. */
export async function lookUp(path: string, look: Look): Promise<WhoisInfo> {
  const { address, port, fromMs, toMs } = look
  const rs = look.rs === undefined ? null : rsFilter(look.rs)
  try {
    const history = await HistoryDatabase.open(path, false)
    try {
      // A file knows no LIPs, so the address may be either.
      const found = merged(
        (['lip', 'client'] as const).map(by => {
          const key = { by, address: ipv4Int(address), port }
          return history.find({ key, rs, fromMs, toMs, limit: LIMIT + 1 }, false, Date.now())
        }),
      )
      const { conns, gaps, sinceMs } = found
      const more = conns.length > LIMIT
      return { as: 'lip', lips: [], conns: conns.slice(-LIMIT), more, last: null, gaps, sinceMs }
    } finally {
      history.close()
    }
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    throw new Error(code === 'ENOENT' ? 'no such file' : sqliteProblem(code, message))
  }
}
