/** Whether a real server takes new connections, and why not. */

import type { RealServerInfo } from '../api/commands.ts'

export interface RsHealth {
  word: string
  tone: 'good' | 'warn' | 'bad'
  title: string
  /** What its health checks say of it. */
  reason?: string
}

type Known = Pick<
  RealServerInfo,
  | 'weight'
  | 'inhibited'
  | 'reason'
  | 'backup'
  | 'upper_threshold'
  | 'active_conns'
  | 'inactive_conns'
>

export function rsHealth(rs: Known): RsHealth {
  if (rs.inhibited)
    return {
      word: 'inhibited',
      tone: 'bad',
      title: `It gets no new connections: ${rs.reason ?? 'its health checks fail'}.`,
      ...(rs.reason !== undefined && { reason: rs.reason }),
    }
  if (rs.weight === 0)
    return {
      word: 'drained',
      tone: 'warn',
      title: 'Its weight is 0: it keeps its connections and gets no new ones.',
    }
  if (rs.upper_threshold > 0 && rs.active_conns + rs.inactive_conns >= rs.upper_threshold)
    return {
      word: 'full',
      tone: 'warn',
      title: `It has reached its threshold of ${rs.upper_threshold} connections.`,
    }
  if (rs.backup)
    return {
      word: 'backup',
      tone: 'good',
      title: 'It gets new connections only while no other real server has a weight.',
    }
  return { word: 'takes new', tone: 'good', title: 'It gets its share of new connections.' }
}
