/** Who is behind an address that an RS sees: the living out of the workers' tables, the others out of the history. */

import type { WhoisArgs, WhoisConn, WhoisInfo } from '../../api/commands.ts'
import { Refused } from '../../api/refused.ts'
import { LPORT_FIRST, LPORT_LAST } from '../../engine/sa-pool.ts'
import { endpointParts, ipAddress, isSameIp, parseIp } from '../../wire/ip-address.ts'
import type { Model } from '../model/model.ts'
import type { Key, Probed } from '../threads/probe.ts'
import { sharedClockMs } from '../threads/session-ring.ts'
import { connInfo, timeoutsOf } from '../threads/snapshots.ts'
import type { Workers } from '../threads/workers.ts'
import { byOpening, foundOnce, merged, type RsFilter } from './ended.ts'
import type { History } from './history.ts'

/** Connections in an answer. */
export const LIMIT = 1000
/** By how much the time of one SYN may differ between a living connection and its record, ms: two clocks are read. */
const SAME_MS = 50

export interface WhoisSources {
  model: Model
  workers: Pick<Workers, 'probe'>
  records: {
    history: History | null
    /** Has the history told what has ended until now. */
    catchUp(): void
  }
}

/** Rejects in one line if it cannot be answered. */
export async function whois(args: WhoisArgs, from: WhoisSources): Promise<WhoisInfo> {
  const { history } = from.records
  const lips = from.model.config.arms.flatMap(arm => arm.localAddresses)
  const as = lips.includes(args.address) ? 'lip' : 'client'
  const keys = keysOf(args, as)
  const rs = args.rs === undefined ? null : rsFilter(args.rs)
  const time = timeOf(args)
  // The living first: who ends in between is found twice, and not missed.
  const living = foundOnce(await Promise.all(keys.map(key => livingOf(key, from))))
  const meant = living.filter(conn => goesTo(conn, rs))
  const of = { as, lips, last: null, more: false } as const
  if (time === null) {
    if (meant.length > 0 || !history) return { ...of, conns: meant, since_ms: null, gaps: [] }
    from.records.catchUp()
    const { conns, since_ms } = merged(
      await Promise.all(keys.map(key => history.last({ key, rs }))),
    )
    return { ...of, conns: [], last: conns.at(-1) ?? null, since_ms, gaps: [] }
  }
  if (!history) {
    const how = 'set history.connections (100000, say) in the config and restart the daemon'
    throw new Refused('invalid', `the history is off, so it is only known who is there now; ${how}`)
  }
  from.records.catchUp()
  const search = { rs, ...time, limit: LIMIT + 1 }
  const past = merged(await Promise.all(keys.map(key => history.find({ key, ...search }))))
  const still = meant.filter(
    conn => (conn.opened_ms as number) <= time.toMs && !past.conns.some(one => isSame(one, conn)),
  )
  const conns = [...past.conns, ...still].sort(byOpening)
  return { ...of, ...past, conns: conns.slice(-LIMIT), more: conns.length > LIMIT }
}

/** What is no LIP now may have been one. Throws if it is one and nobody ever has the port. */
function keysOf({ address, port }: WhoisArgs, as: Key['by']): Key[] {
  const key = { address: ipAddress(address), port }
  if (as === 'lip' && port < LPORT_FIRST)
    throw new Refused('invalid', `lports are ${LPORT_FIRST}-${LPORT_LAST}, found ${port}`)
  if (as === 'lip') return [{ by: 'lip', ...key }]
  return [
    { by: 'client', ...key },
    { by: 'lip', ...key },
  ]
}

/** => null for now */
function timeOf({ from, to }: WhoisArgs): { fromMs: number; toMs: number } | null {
  if (from === undefined && to === undefined) return null
  if (from === undefined || to === undefined || from > to)
    throw new Refused('invalid', 'a time has both `from` and `to`, and `from` is not the later one')
  const now = Date.now()
  if (from > now) throw new Refused('invalid', 'the time is still to come')
  return { fromMs: from, toMs: Math.min(to, now) }
}

/** Throws if it is no ADDRESS or ADDRESS:PORT. */
export function rsFilter(text: string): RsFilter {
  const { host = '', port } = endpointParts(text) ?? {}
  const rip = parseIp(host)
  const isPort = port === undefined || (/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535)
  if (rip === undefined || !isPort)
    throw new Refused(
      'invalid',
      `expected an RS as ADDRESS or ADDRESS:PORT, found ${JSON.stringify(text)}`,
    )
  return { rip, rport: Number(port ?? 0) }
}

function goesTo({ rs }: WhoisConn, filter: RsFilter | null): boolean {
  if (filter === null) return true
  const { rip, rport } = rsFilter(rs)
  return isSameIp(rip, filter.rip) && (filter.rport === 0 || rport === filter.rport)
}

async function livingOf(key: Key, { model, workers }: WhoisSources): Promise<WhoisConn[]> {
  const conns: WhoisConn[] = []
  await workers.probe(key, (probed, worker) => {
    conns.push(...probed.checks.map((_, i) => livingConn(probed, i, worker, model)))
  })
  return conns
}

function livingConn(probed: Probed, index: number, worker: number, model: Model): WhoisConn {
  const { records, ages, checks, clockMs } = probed
  const timeouts = timeoutsOf(model.config)
  const { protocol, client, vip, lip, rs, forwarding, state } = connInfo(
    records,
    index,
    worker,
    timeouts,
    () => 0,
  )
  const askedMs = Date.now() - (sharedClockMs() - clockMs)
  const openedMs = ages && Math.round(askedMs - (ages[index] as number))
  const check = checks[index] as boolean
  return {
    worker,
    protocol,
    client,
    vip,
    lip,
    rs,
    forwarding,
    check,
    opened_ms: openedMs,
    state,
    ended: null,
  }
}

function isSame(a: WhoisConn, b: WhoisConn): boolean {
  const apart = Math.abs((a.opened_ms as number) - (b.opened_ms as number))
  return (
    a.protocol === b.protocol &&
    a.client === b.client &&
    a.vip === b.vip &&
    a.lip === b.lip &&
    a.rs === b.rs &&
    apart < SAME_MS
  )
}
