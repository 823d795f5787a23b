/** What a config file comes to: every value, the defaults, and the documentation in config/lab.yaml. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NO_CHECK } from '../../src/config/check-keys.ts'
import { type ConfigValues, configOf, parseConfig, readConfig } from '../../src/config/config.ts'
import { configSchema } from '../../src/config/schema.ts'
import { DEFAULT_TIMEOUTS, State } from '../../src/engine/tcp-state.ts'

// From dist/test/config.
const LAB = fileURLToPath(new URL('../../../config/lab.yaml', import.meta.url))
const NOT_IMPAIRED = { loss: 0, duplicate: 0, reorder: 0, corrupt: 0, seed: 0 }

/** But for its arms. */
const LAB_VALUES: Omit<ConfigValues, 'arms'> = {
  lists: {},
  snat: [],
  services: [
    {
      protocol: 'tcp',
      address: '202.108.10.1',
      port: 6379,
      scheduler: 'wrr',
      hashing: { fallback: false, port: false, byId: false },
      module: null,
      localAddresses: ['192.168.168.7'],
      connTimeout: 0,
      check: NO_CHECK,
      passive: null,
      persistence: { timeout: 0, prefix: 32 },
      whenDown: 'drop',
      onePacket: false,
      quic: false,
      acl: { deny: [], allow: null, established: 'drop' },
      connectionRate: null,
      clientRate: null,
      proxyProtocol: 'off',
      synProxy: 'off',
      synProxyAbove: 10_000,
      realServers: [
        {
          address: '192.168.168.2',
          port: 6379,
          weight: 100,
          upperThreshold: 0,
          lowerThreshold: 0,
          backup: false,
          forwarding: 'fullnat' as const,
        },
      ],
    },
  ],
  workers: { count: 1, steering: 'bpf' },
  connections: { tableSize: 262_144, makeRoom: true, clientShare: 0.5 },
  tcp: {
    toa: 'seed',
    bareAck: 'drop',
    reuse: 'new',
    strict: true,
    windowMost: 2 ** 25,
    xmitTtl: false,
    synProxy: { mss: 1452, sack: true, scale: 0, tries: 3, held: 3 },
    timeouts: [...DEFAULT_TIMEOUTS],
  },
  udp: { uoa: 'off', uoaMaxTrail: 3, timeouts: [2, 300, 300] },
  neighbours: { timeout: 60, unresQueueLength: 128 },
  fragments: { datagrams: 64, timeout: 2 },
  history: { connections: 100_000, file: null, keep: 30, size: 2 ** 30 },
  log: {
    level: 'info',
    timestamps: false,
    format: 'text',
    modules: {},
    rate: { debug: 1000, kind: 50 },
    file: null,
    sessions: null,
  },
  capture: { ring: true, bytes: 8 << 20, snaplen: 160, dump: null },
  control: { socket: '/run/tapvs/tapvs.sock', drain: 0, http: null, ui: null },
}

test('config/lab.yaml, every value', () => {
  const config = readConfig(LAB)
  const [ext, int] = config.arms
  assert.match(ext?.mac ?? '', /^02:74:76(:[0-9a-f]{2}){3}$/)
  assert.notEqual(ext?.mac, int?.mac)
  const expected: ConfigValues = {
    arms: [
      {
        name: 'ext0',
        kind: 'tap',
        netns: 'tapvs-client',
        mac: ext?.mac as string,
        mtu: 1500,
        mtuLimit: 1500,
        vlan: null,
        addresses: [{ address: '202.108.10.1', prefixLength: 32 }],
        localAddresses: [],
        routes: [{ to: '202.108.10.0', prefixLength: 24, via: null }],
        neighbours: [],
        impair: NOT_IMPAIRED,
      },
      {
        name: 'int0',
        kind: 'tap',
        netns: 'tapvs-rs',
        mac: int?.mac as string,
        mtu: 1500,
        mtuLimit: 1500,
        vlan: null,
        addresses: [{ address: '192.168.168.3', prefixLength: 32 }],
        localAddresses: ['192.168.168.7'],
        routes: [{ to: '192.168.168.0', prefixLength: 24, via: null }],
        neighbours: [],
        impair: NOT_IMPAIRED,
      },
    ],
    ...LAB_VALUES,
  }
  const { warnings, named, file, ...values } = config
  assert.deepEqual(values, expected)
  assert.deepEqual([warnings, named], [[], []])
  assert.deepEqual(configOf(JSON.parse(JSON.stringify(file))), config)
})

/** The file with its commented-out examples in force: comments that go `key: ...`, `{ ... }` or `[...]`. */
function uncommented(text: string): { text: string; keys: string[] } {
  const keys: string[] = []
  let open = false
  const lines = text.split('\n').map(line => {
    const [, indent, example] = /^(\s+)# ?(.*)$/.exec(line) ?? []
    if (example === undefined) return line
    const key = /^([a-z_]+):(\s|$)/.exec(example)?.[1]
    if (key) keys.push(key)
    const isExample = open || key !== undefined || /^\s*[[{]/.test(example)
    if (!isExample) return line
    open = (open || example.includes('{')) && !example.includes('}')
    return `${indent}${example}`
  })
  return { text: lines.join('\n'), keys }
}

test('the commented-out keys of config/lab.yaml are true examples', () => {
  const { text, keys } = uncommented(readFileSync(LAB, 'utf8'))
  const expected = [
    ...['kind', 'mac', 'mtu', 'neighbours', 'impair'],
    ...['hash_fallback', 'hash_port', 'hash_target'],
    ...['local_addresses', 'conn_timeout', 'persistence', 'persistence_prefix', 'when_down'],
    ...['one_packet', 'quic', 'proxy_protocol', 'syn_proxy', 'syn_proxy_above'],
    ...['deny', 'deny_file', 'allow', 'allow_file'],
    ...['acl_established', 'connection_rate', 'connection_burst', 'client_rate', 'client_burst'],
    ...['check', 'passive'],
    ...['upper_threshold', 'lower_threshold', 'backup', 'syn_proxy', 'timeouts', 'timeouts'],
    ...['format', 'modules', 'rate', 'file', 'sessions', 'file', 'keep', 'size', 'dump'],
    ...['http', 'ui'],
  ]
  assert.deepEqual(keys, expected)
  const list = join(mkdtempSync(join(tmpdir(), 'tapvs-lab-')), 'list.txt')
  writeFileSync(list, '')
  const config = parseConfig(text.replaceAll(/\/etc\/tapvs\/(deny|allow)\.txt/g, list), 'lab.yaml')
  rmSync(dirname(list), { recursive: true })
  assert.equal(config.arms[0]?.mac, '02:74:76:00:00:01')
  assert.deepEqual(config.arms[1]?.impair, {
    loss: 0.01,
    duplicate: 0.01,
    reorder: 0.01,
    corrupt: 0.01,
    seed: 1,
  })
  assert.deepEqual(
    config.arms[1]?.neighbours.map(({ address, mac }) => `${address} ${mac}`),
    ['192.168.168.254 02:74:76:00:00:fe'],
  )
  const [service] = config.services
  assert.equal(service?.connTimeout, 90)
  assert.deepEqual(service?.persistence, { timeout: 360, prefix: 24 })
  assert.equal(service?.whenDown, 'reject')
  assert.equal(service?.realServers[0]?.upperThreshold, 1000)
  assert.equal(service?.realServers[0]?.lowerThreshold, 800)
  assert.deepEqual(service?.check, { ...NO_CHECK, type: 'redis' })
  assert.deepEqual(service?.passive, { failures: 3, within: 10, min: 5, max: 300 })
  const http = { address: '127.0.0.1', port: 9053, token: null, tokenFile: '/etc/tapvs/token' }
  assert.deepEqual(config.control.http, http)
  assert.deepEqual(config.control.ui, {
    ...{ port: 9080, scope: 'view', token: null, tokenFile: null },
  })
  // What the comments call the defaults changes nothing.
  const plain = readConfig(LAB)
  assert.equal(config.arms[0]?.mtu, plain.arms[0]?.mtu)
  assert.deepEqual(config.services[0]?.hashing, plain.services[0]?.hashing)
  assert.deepEqual(config.services[0]?.localAddresses, plain.services[0]?.localAddresses)
  assert.deepEqual(config.tcp, plain.tcp)
  assert.deepEqual(config.log, {
    ...plain.log,
    modules: { conn: 'debug', sa_pool: 'debug' },
    file: { path: '/var/log/tapvs/tapvs.log', maxBytes: 10 << 20, keep: 5 },
    sessions: { path: '/var/log/tapvs/sessions.log', maxBytes: 100 << 20, keep: 10 },
  })
  assert.equal(config.history.file, '/var/lib/tapvs/history.sqlite')
})

test('what config/lab.yaml calls the default is the default', () => {
  const lab = readConfig(LAB)
  const least = parseConfig('arms: [{ name: a }]', 'x.yaml')
  const shared = ({ workers, connections, tcp, neighbours, log, control }: ConfigValues) => ({
    workers,
    connections,
    tcp,
    neighbours,
    log,
    control,
  })
  const plain = { ...least, log: { ...least.log, timestamps: false } }
  assert.deepEqual(shared(plain), shared(lab))
  assert.equal(least.log.timestamps, 'auto')
  assert.deepEqual(least.capture, { ...lab.capture, ring: false })
  assert.deepEqual(least.services, [])
  assert.equal(least.arms[0]?.netns, null)
})

test('timeouts come in the order of the states', () => {
  const keys = Object.keys(State).map((name, i) => `${name.toLowerCase()}: ${i + 100}`)
  const text = `arms: [{ name: a }]\ntcp: { timeouts: { ${keys.reverse().join(', ')} } }`
  assert.deepEqual(
    parseConfig(text, 'x.yaml').tcp.timeouts,
    Object.values(State).map(state => state + 100),
  )
})

test('values are normalised', () => {
  const config = parseConfig(
    `
arms:
  - name: a
    mac: 02:AB:CD:00:00:01
    addresses: [10.0.0.1/24, 10.1.0.1]
    local_addresses: [10.0.0.8, 10.0.0.9]
    routes: [{ to: default, via: 10.0.0.254 }, { to: 10.9.0.0/16 }]
    impair: { loss: 0.5%, corrupt: 100% }
services:
  - { address: 10.1.0.1, port: 80, local_addresses: [10.0.0.9], real_servers: [{ address: 8.8.8.8 }] }
  - { address: 10.1.0.1, port: 81, conn_timeout: 5 }
connections: { table_size: 1000 }
log:
`,
    'x.yaml',
  )
  const [arm] = config.arms
  assert.equal(arm?.mac, '02:ab:cd:00:00:01')
  assert.deepEqual(arm?.addresses[1], { address: '10.1.0.1', prefixLength: 32 })
  assert.deepEqual(arm?.routes, [
    { to: '0.0.0.0', prefixLength: 0, via: '10.0.0.254' },
    { to: '10.9.0.0', prefixLength: 16, via: null },
  ])
  assert.deepEqual(arm?.impair, { ...NOT_IMPAIRED, loss: 0.005, corrupt: 1 })
  const [first, second] = config.services
  assert.deepEqual(first?.realServers, [
    {
      address: '8.8.8.8',
      port: 80,
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      backup: false,
      forwarding: 'fullnat' as const,
    },
  ])
  assert.deepEqual(first?.localAddresses, ['10.0.0.9'])
  assert.deepEqual(second?.localAddresses, ['10.0.0.8', '10.0.0.9'])
  assert.equal(second?.connTimeout, 5)
  assert.equal(second?.scheduler, 'wrr')
  assert.equal(config.connections.tableSize, 1024)
  assert.equal(config.log.level, 'info')
})

test('a derived MAC is the same at every start and differs by namespace and name', () => {
  const macs = ['{ name: a }', '{ name: b }', '{ name: a, netns: n }', '{ name: a }'].map(
    arm => parseConfig(`arms: [${arm}]`, 'x.yaml').arms[0]?.mac,
  )
  assert.equal(macs[0], macs[3])
  assert.equal(new Set(macs).size, 3)
})

test('the JSON schema asks for arms only', () => {
  const { required, properties } = configSchema as { required: string[]; properties: object }
  assert.deepEqual(required, ['arms'])
  assert.ok('neighbours' in properties)
})
