/** Connections that have ended, for tests of the history. */

import type { Ended, Search } from '../../src/control/whois/ended.ts'
import { End } from '../../src/engine/session-end.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { ipv4Int } from '../../src/wire/address.ts'

export const LIP = ipv4Int('192.168.168.7')
export const CIP = ipv4Int('202.108.10.2')

/** The seed's connection, opened at 1000 s and ended by the client 5 s later. */
export function ended(change: Partial<Ended> = {}): Ended {
  return {
    worker: 1,
    protocol: 'tcp',
    cip: CIP,
    cport: 33_896,
    vip: ipv4Int('202.108.10.1'),
    vport: 6379,
    lip: LIP,
    lport: 1025,
    rip: ipv4Int('192.168.168.2'),
    rport: 6379,
    forwarding: 'fullnat',
    openedMs: 1_000_000,
    lastMs: 1_001_000,
    endedMs: 1_005_000,
    state: State.TIME_WAIT,
    end: End.FIN_CLIENT,
    ...change,
  }
}

/** It, and nothing else of its lport. */
export const SEARCH: Search = {
  key: { by: 'lip', address: LIP, port: 1025 },
  rs: null,
  fromMs: 1_000_000,
  toMs: 1_000_000,
  limit: 10,
}
