/** Calls of every operation of the OpenAPI document, and what each must come to. */

import assert from 'node:assert/strict'
import type { Target } from '../../src/client/exchange.ts'
import { agentAclRows } from './api.ts'
import { CONFIG } from './control.ts'
import type { Args, DocumentClient } from './document-client.ts'

const SERVICE = { protocol: 'tcp', address: '202.108.10.1', port: 6379 }
const RS = { server_address: '192.168.168.2', server_port: 6379 }
const MATCH = { protocol: 'tcp', address: 'from=192.0.2.0-192.0.2.9,oif=int0', port: 0 }
const OUTSIDE = { server_address: '192.168.168.7', server_port: 0 }
const VS = { VipPort: '202.108.10.2-80-tcp' }
const NO_VS = { VipPort: '202.108.10.2-81-tcp' }
/** No arm has a route there. */
const NOWHERE = '10.1.2.3'
const SET = { name: 'bots' }
const NO_SET = { name: 'none' }
const entries = (...all: string[]) => ({ Entries: all.map(Entry => ({ Entry })) })
const cell = (Entry: string) => ({ Member: { Entry } })
const items = (...Items: object[]) => ({ Items })

/** A health check of a service that is there, whose version has to be asked for first. */
export async function tellHealth(client: DocumentClient, target: Target): Promise<void> {
  await client.call(target, 'agentPutService', { ...VS, body: {} })
  const server = { ip: '192.168.168.2', port: 80, weight: 9 }
  await client.call(target, 'agentPutServers', { ...VS, body: items(server) })
  const [, { Items }] = (await client.call(target, 'agentServices')) as [
    number,
    { Items: { Version: string }[] },
  ]
  const version = Items[0]?.Version
  const [status] = await client.call(target, 'agentHealth', { ...VS, version, body: items(server) })
  assert.equal(status, 200)
  await client.call(target, 'agentDeleteService', VS)
}

/** What would come of an upgrade, twice at once; by TCP nobody is told. */
export async function tellUpgrade(client: DocumentClient, target: Target): Promise<void> {
  const begin = () => client.call(target, 'beginUpgrade', { body: { check: true } })
  const both = await Promise.all([begin(), begin()])
  const expected = 'socket' in target ? [200, 409] : [403, 403]
  assert.deepEqual(both.map(([status]) => status).sort(), expected)
}

/** Every operation, and what it must come to. */
export const CALLS: [id: string, args: Args, status: number][] = [
  ['ping', {}, 200],
  ['counters', {}, 200],
  ['numbers', {}, 200],
  ['edges', {}, 200],
  ['drops', {}, 200],
  ['drops', { reason: 'ip_ttl' }, 200],
  ['metrics', {}, 200],
  ['conns', { from: 1000, limit: 10 }, 200],
  ['whois', { address: '192.168.168.7', port: 1025 }, 200],
  ['whois', { address: '10.0.0.9', port: 1, rs: '192.168.168.2', from: 0, to: 9e12 }, 200],
  ['whois', { address: '192.168.168.7', port: 80 }, 400],
  ['neighbours', {}, 200],
  ['routes', {}, 200],
  ['addresses', {}, 200],
  ['timeouts', {}, 200],
  ['config', {}, 200],
  ['logLevel', {}, 200],
  ['setLogLevel', { body: { level: 'debug' } }, 200],
  ['setLogLevel', { body: { level: 'info', modules: { conn: 'debug' } } }, 200],
  ['setLogLevel', { body: { level: 'info', modules: {}, module: 'conn' } }, 400],
  ['upgrade', {}, 200],
  ['recorder', {}, 200],
  ['setRecorder', { body: { ring: true } }, 200],
  ['reopenLog', {}, 200],
  ['ui', {}, 200],
  ['addService', { body: { ...SERVICE, scheduler: 'rr' }, dry_run: true }, 201],
  [
    'addService',
    {
      body: {
        ...SERVICE,
        local_addresses: [{ address: '192.168.168.7', arm: 'int0' }],
        real_servers: [{ address: RS.server_address, weight: 100 }],
      },
    },
    201,
  ],
  ['addService', { body: SERVICE }, 409],
  [
    'addService',
    { body: { ...SERVICE, port: 1, local_addresses: [{ address: NOWHERE, arm: 'int7' }] } },
    404,
  ],
  ['addService', { body: { ...SERVICE, port: 1, real_servers: [{ address: NOWHERE }] } }, 422],
  ['services', {}, 200],
  ['service', SERVICE, 200],
  ['service', { ...SERVICE, port: 1 }, 404],
  ['acl', { ...SERVICE, list: 'deny' }, 200],
  ['acl', { ...SERVICE, port: 1, list: 'allow' }, 404],
  ['editService', { ...SERVICE, body: { scheduler: 'rr', conn_timeout: 30 } }, 200],
  ['addServer', { ...SERVICE, body: { address: '192.168.168.4', port: 6380 } }, 201],
  ['editService', { ...SERVICE, port: 1, body: {} }, 404],
  ['editService', { ...SERVICE, body: { real_servers: [{ address: NOWHERE }] } }, 422],
  [
    'editService',
    { ...SERVICE, body: { local_addresses: [{ address: '192.168.168.7', arm: 'ext0' }] } },
    409,
  ],
  ['addServer', { ...SERVICE, body: { address: NOWHERE } }, 422],
  ['addServer', { ...SERVICE, body: { address: '192.168.168.4', port: 6380 } }, 409],
  ['addServer', { ...SERVICE, port: 1, body: { address: '192.168.168.4' } }, 404],
  ['editServer', { ...SERVICE, ...RS, body: { weight: 0 } }, 200],
  ['editServer', { ...SERVICE, ...RS, server_port: 1, body: { weight: 0 } }, 404],
  ['editServer', { ...SERVICE, ...RS, body: { upper_threshold: 1, lower_threshold: 2 } }, 422],
  ['deleteServer', { ...SERVICE, ...RS }, 200],
  ['deleteServer', { ...SERVICE, ...RS }, 404],
  ['addLip', { ...SERVICE, body: { address: '192.168.168.8', arm: 'int0' } }, 201],
  ['addLip', { ...SERVICE, body: { address: '192.168.168.9', arm: 'int7' } }, 404],
  ['addLip', { ...SERVICE, body: { address: '192.168.168.8', arm: 'int0' } }, 409],
  ['addLip', { ...SERVICE, body: { address: '202.108.10.1', arm: 'int0' } }, 422],
  ['deleteLip', { ...SERVICE, lip: '192.168.168.8', arm: 'int0' }, 200],
  ['deleteLip', { ...SERVICE, lip: '192.168.168.8', arm: 'int0' }, 404],
  ['addAddress', { body: { arm: 'ext0', address: '202.108.10.9' } }, 201],
  ['addAddress', { body: { arm: 'ext0', address: '202.108.10.9' } }, 409],
  ['addAddress', { body: { arm: 'ext7', address: '202.108.10.9' } }, 404],
  ['deleteAddress', { arm: 'ext0', address: '202.108.10.9' }, 200],
  ['deleteAddress', { arm: 'ext0', address: '202.108.10.9' }, 404],
  ['addRoute', { body: { arm: 'ext0', to: 'default', via: '202.108.10.254' } }, 201],
  ['addRoute', { body: { arm: 'ext0', to: 'default', via: '202.108.10.254' } }, 409],
  ['addRoute', { body: { arm: 'ext7', to: 'default' } }, 404],
  ['addRoute', { body: { arm: 'ext0', to: '10.0.0.0/33' } }, 422],
  ['deleteRoute', { arm: 'ext0', to: 'default' }, 200],
  ['deleteRoute', { arm: 'ext0', to: 'default' }, 404],
  ['deleteRoute', { arm: 'int0', to: '192.168.168.0/24' }, 422],
  [
    'addNeighbour',
    { body: { arm: 'int0', address: '192.168.168.5', mac: '02:00:00:00:00:05' } },
    201,
  ],
  [
    'addNeighbour',
    { body: { arm: 'int0', address: '192.168.168.5', mac: '02:00:00:00:00:05' } },
    409,
  ],
  ['addNeighbour', { body: { arm: 'int0', address: '192.168.168.6', mac: 'x' } }, 422],
  [
    'addNeighbour',
    { body: { arm: 'int7', address: '192.168.168.5', mac: '02:00:00:00:00:05' } },
    404,
  ],
  ['deleteNeighbour', { arm: 'int0', address: '192.168.168.5' }, 200],
  ['deleteNeighbour', { arm: 'int0', address: '192.168.168.5' }, 404],
  ['setTimeouts', { body: { established: 60 } }, 200],
  ['zero', { body: { service: SERVICE } }, 200],
  ['cut', { body: { server: { address: '192.168.168.2', port: 6379 }, service: SERVICE } }, 200],
  ['cut', { body: { server: { address: '192.168.168.99', port: 6379 } } }, 404],
  ['edit', { body: { edits: [{ edit: 'set-timeouts', established: 0, fin_wait: 9 }] } }, 200],
  ['edit', { body: { edits: [{ edit: 'add-service', service: SERVICE }] } }, 409],
  [
    'edit',
    { body: { edits: [{ edit: 'delete-service', service: { ...SERVICE, port: 1 } }] } },
    404,
  ],
  ['edit', { body: { edits: [{ edit: 'add-route', arm: 'ext0', to: '10.0.0.0/33' }] } }, 422],
  ['checkConfig', { body: { config: CONFIG } }, 200],
  ['checkConfig', { body: { config: { arms: [{ mtu: 1 }] } } }, 422],
  ['applyConfig', { body: { config: CONFIG, dry_run: true } }, 200],
  ['applyConfig', { body: { config: { arms: 1 } } }, 422],
  ['addService', { body: MATCH }, 201],
  ['addServer', { ...MATCH, body: { address: OUTSIDE.server_address } }, 201],
  ['service', MATCH, 200],
  ['service', { ...MATCH, port: 80 }, 400],
  ['editService', { ...MATCH, body: { scheduler: 'rr' } }, 200],
  ['editServer', { ...MATCH, ...OUTSIDE, body: { weight: 0 } }, 200],
  ['deleteServer', { ...MATCH, ...OUTSIDE }, 200],
  ['deleteService', MATCH, 200],
  ['deleteService', SERVICE, 200],
  ['deleteService', SERVICE, 404],
  ['reloadConfig', {}, 200],
  ['clearServices', {}, 200],

  ['agentServices', {}, 204],
  ['agentPutService', { ...VS, body: { SchedName: 'rr', ConnTimeout: 60, SynProxy: false } }, 201],
  ['agentPutService', { ...VS, body: { SchedName: 'wrr' } }, 200],
  ['agentPutService', { VipPort: 'x', body: {} }, 460],
  ['agentServices', { stats: 'true' }, 200],
  ['agentService', VS, 200],
  ['agentService', { VipPort: '202.108.10.2-81-tcp' }, 404],
  ['agentPutLip', { ...VS, body: { addr: '192.168.168.7', device: 'int0' } }, 201],
  ['agentPutLip', { ...VS, body: { addr: '192.168.168.7', device: 'int0' } }, 200],
  ['agentPutLip', { ...VS, body: { addr: '192.168.168.7', device: 'int7' } }, 461],
  ['agentPutLip', { ...NO_VS, body: { addr: '192.168.168.7', device: 'int0' } }, 460],
  ['agentLips', VS, 200],
  ['agentLips', NO_VS, 404],
  ...['Deny', 'Allow'].flatMap(list => agentAclRows(list, VS, NO_VS)),
  ['agentPutServers', { ...VS, body: items({ ip: '192.168.168.2', port: 80, weight: 9 }) }, 201],
  ['agentPostServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80, weight: 9 }) }, 201],
  ['agentPutServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80, weight: 9 }) }, 200],
  ['agentPutServers', { ...VS, body: items({ ip: NOWHERE, port: 80 }) }, 461],
  ['agentPutServers', { ...NO_VS, body: items() }, 460],
  ['agentPostServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80, weight: 9 }) }, 200],
  ['agentPostServers', { ...VS, body: items({ ip: NOWHERE, port: 80 }) }, 461],
  ['agentPostServers', { ...NO_VS, body: items() }, 460],
  ['agentServers', VS, 200],
  ['agentServers', NO_VS, 404],
  ['agentHealth', { ...VS, version: '0', body: items() }, 270],
  ['agentHealth', { ...NO_VS, version: '0', body: items() }, 460],
  ['agentDeleteServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80 }) }, 200],
  ['agentDeleteServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80 }) }, 461],
  ['agentDeleteServers', { ...NO_VS, body: items() }, 404],
  ['agentDeleteLip', { ...VS, body: { addr: '192.168.168.7', device: 'int0' } }, 200],
  ['agentDeleteLip', { ...VS, body: { addr: '192.168.168.7', device: 'int0' } }, 461],
  ['agentDeleteLip', { ...NO_VS, body: { addr: '192.168.168.7', device: 'int0' } }, 460],
  ['agentDeleteService', VS, 200],
  ['agentDeleteService', VS, 404],
  ['ipsets', {}, 200],
  ['ipset', NO_SET, 404],
  ['agentPutIpset', { ...SET, body: entries('10.0.0.0/8') }, 201],
  ['agentPutIpset', { ...SET, body: {} }, 200],
  ['agentPutIpset', { ...SET, body: entries('x') }, 400],
  ['ipset', SET, 200],
  ['ipset', { ...SET, holds: '10.0.0.1' }, 200],
  ['agentIpsets', {}, 200],
  ['agentIpset', SET, 200],
  ['agentIpset', NO_SET, 404],
  ['agentPutIpsetMember', { ...SET, body: entries('192.0.2.1') }, 201],
  ['agentPutIpsetMember', { ...SET, body: entries('192.0.2.1') }, 200],
  ...['Put', 'Post', 'Delete'].flatMap((verb): [string, Args, number][] => [
    [`agent${verb}IpsetMember`, { ...SET, body: entries('x') }, 400],
    [`agent${verb}IpsetMember`, { ...NO_SET, body: entries() }, 404],
  ]),
  ['agentDeleteIpsetMember', { ...SET, body: entries('192.0.2.1') }, 200],
  ['agentPostIpsetMember', { ...SET, body: entries('192.0.2.1') }, 200],
  ['agentIpsetCell', { ...SET, body: cell('192.0.2.1') }, 200],
  ['agentIpsetCell', { ...SET, body: cell('x') }, 400],
  ['agentIpsetCell', { ...NO_SET, body: cell('192.0.2.1') }, 404],
  ['agentPutService', { ...VS, body: {} }, 201],
  ['agentPutDeny', { ...VS, body: items({ ipset: 'bots' }) }, 201],
  ['agentDeleteIpset', SET, 400],
  ['agentDeleteService', VS, 200],
  ['agentDeleteIpset', SET, 200],
  ['agentDeleteIpset', SET, 404],
  ['agentDevices', { stats: 'true' }, 200],
  ['agentVlans', { name: 'ext0' }, 200],
  ['agentVlans', { name: 'dpdk0' }, 404],
  ['agentDevice', { name: 'ext0' }, 200],
  ['agentDevice', { name: 'dpdk0' }, 404],
  ['agentAddresses', { name: 'ext0' }, 200],
  ['agentAddresses', { name: 'dpdk0' }, 404],
  ['agentPutAddress', { name: 'ext0', body: { addr: '202.108.10.8/32' } }, 201],
  ['agentPutAddress', { name: 'ext0', body: { addr: '202.108.10.8/32' } }, 200],
  ['agentPutAddress', { name: 'ext0', body: { addr: 'x' } }, 500],
  ['agentDeleteAddress', { name: 'ext0', body: { addr: 'x' } }, 500],
  ['agentDeleteAddress', { name: 'ext0', body: { addr: '202.108.10.8/32' } }, 200],
  ['agentPutRoute', { name: 'ext0', body: { dst: '10.7.0.0/16', gateway: '202.108.10.9' } }, 201],
  ['agentPutRoute', { name: 'ext0', body: { dst: '10.7.0.0/16', gateway: '202.108.10.9' } }, 200],
  ['agentPutRoute', { name: 'ext0', body: { dst: 'x' } }, 500],
  ['agentDeleteRoute', { name: 'ext0', body: { dst: '10.9.0.0/16' } }, 500],
  ['agentRoutes', { name: 'ext0' }, 200],
  ['agentRoutes', { name: 'dpdk0' }, 404],
  ['agentDeleteRoute', { name: 'ext0', body: { dst: '10.7.0.0/16' } }, 200],
]
