/** The history's file without a daemon. */

import type { WhoisInfo } from '../../api/commands.ts'
import { ipAddress } from '../../wire/ip-address.ts'
import { type Found, merged } from './ended.ts'
import { sqliteProblem } from './problem.ts'
import { SqliteProcess } from './process.ts'
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
  const sqlite = new SqliteProcess({ path, writes: null })
  try {
    // A file knows no LIPs, so the address may be either.
    const keys = (['lip', 'client'] as const).map(by => ({ by, address: ipAddress(address), port }))
    const search = { rs, fromMs, toMs, limit: LIMIT + 1 }
    const answers = await Promise.all(keys.map(key => sqlite.order({ find: { key, ...search } })))
    const found = answers.map(answer => {
      if ('ok' in answer) return answer.ok as Found
      throw new Error(answer.code === 'ENOENT' ? 'no such file' : sqliteProblem(answer))
    })
    const { conns, gaps, since_ms } = merged(found)
    const more = conns.length > LIMIT
    return { as: 'lip', lips: [], conns: conns.slice(-LIMIT), more, last: null, gaps, since_ms }
  } finally {
    await sqlite.stop()
  }
}
