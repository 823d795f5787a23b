/** What the daemon says of itself when a signal ends it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RealServerInfo, ServiceInfo } from '../../src/api/commands.ts'
import { stopText } from '../../src/control/announce.ts'

const none = { address: '10.0.0.1', protocol: 'tcp', real_servers: [] as RealServerInfo[] }

/** A service with two real servers, that have so many connections between them. */
function service(port: number, conns: number): ServiceInfo {
  const rs = (active_conns: number, inactive_conns: number) => ({ active_conns, inactive_conns })
  const real_servers = [rs(conns === 0 ? 0 : 1, 0), rs(0, Math.max(0, conns - 1))]
  return { ...none, port, real_servers } as unknown as ServiceInfo
}

test('the signal, and what is left by service, the most first', () => {
  assert.equal(
    stopText('SIGTERM', [service(80, 1), service(81, 0), service(82, 7)], 0),
    'TAPVS: stopping on SIGTERM, 8 connections cut off: 7 of TCP 10.0.0.1:82, 1 of TCP 10.0.0.1:80',
  )
  assert.equal(
    stopText('SIGINT', [service(80, 1)], 30),
    'TAPVS: stopping on SIGINT, 30 s for 1 connection to end: 1 of TCP 10.0.0.1:80',
  )
  assert.equal(
    stopText('SIGTERM', [service(80, 0)], 30),
    'TAPVS: stopping on SIGTERM, no connection is left',
  )
})

test('of many services only some are named', () => {
  const many = Array.from({ length: 30 }, (_, port) => service(port + 1, 30 - port))
  assert.match(
    stopText('SIGTERM', many, 0),
    /465 connections cut off: 30 of TCP 10\.0\.0\.1:1, .*, 26 of TCP 10\.0\.0\.1:5, 325 of 25 more$/,
  )
})
