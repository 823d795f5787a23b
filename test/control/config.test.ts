import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Config, ConfigError, parseConfig, readConfig } from '../../src/control/config.ts'
import { configSchema } from '../../src/control/config-schema.ts'
import { DEFAULT_TIMEOUTS, State } from '../../src/engine/tcp-state.ts'

// From dist/test/control.
const LAB = fileURLToPath(new URL('../../../config/lab.yaml', import.meta.url))
const NOT_IMPAIRED = { loss: 0, duplicate: 0, reorder: 0, corrupt: 0, seed: 0 }

function problems(text: string): string[] {
  try {
    parseConfig(text, 'x.yaml')
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  return []
}

/** A sound config; the lines of a test replace the parts they name. */
function yaml(parts: { arms?: string; services?: string; rest?: string } = {}): string {
  const arms = parts.arms ?? '[{ name: a, addresses: [10.0.0.1/24], local_addresses: [10.0.0.9] }]'
  return `arms: ${arms}\nservices: ${parts.services ?? '[]'}\n${parts.rest ?? ''}`
}

test('config/lab.yaml, every value', () => {
  const config = readConfig(LAB)
  const [ext, int] = config.arms
  assert.match(ext?.mac ?? '', /^02:74:76(:[0-9a-f]{2}){3}$/)
  assert.notEqual(ext?.mac, int?.mac)
  const expected: Config = {
    arms: [
      {
        name: 'ext0',
        netns: 'tapvs-client',
        mac: ext?.mac as string,
        mtu: 1500,
        addresses: [{ address: '202.108.10.1', prefixLength: 32 }],
        localAddresses: [],
        routes: [{ to: '202.108.10.0', prefixLength: 24, via: null }],
        impair: NOT_IMPAIRED,
      },
      {
        name: 'int0',
        netns: 'tapvs-rs',
        mac: int?.mac as string,
        mtu: 1500,
        addresses: [{ address: '192.168.168.3', prefixLength: 32 }],
        localAddresses: ['192.168.168.7'],
        routes: [{ to: '192.168.168.0', prefixLength: 24, via: null }],
        impair: NOT_IMPAIRED,
      },
    ],
    services: [
      {
        protocol: 'tcp',
        address: '202.108.10.1',
        port: 6379,
        scheduler: 'wrr',
        localAddresses: ['192.168.168.7'],
        connTimeout: 0,
        realServers: [{ address: '192.168.168.2', port: 6379, weight: 100 }],
      },
    ],
    worker: { id: 0, lports: { mask: 0, residue: 0 } },
    connections: { tableSize: 262_144 },
    tcp: { toa: 'seed', bareAck: 'drop', xmitTtl: false, timeouts: [...DEFAULT_TIMEOUTS] },
    neighbours: { timeout: 60, unresQueueLength: 128 },
    log: { level: 'info', timestamps: false },
    control: { socket: '/run/tapvs/tapvs.sock' },
    warnings: [],
  }
  assert.deepEqual(config, expected)
  assert.deepEqual(JSON.parse(JSON.stringify(config)), expected)
})

/** The file with its commented-out examples in force: comments that go `key: ...` or `{ ... }`. */
function uncommented(text: string): { text: string; keys: string[] } {
  const keys: string[] = []
  let open = false
  const lines = text.split('\n').map(line => {
    const [, indent, example] = /^(\s+)# ?(.*)$/.exec(line) ?? []
    if (example === undefined) return line
    const key = /^([a-z_]+):(\s|$)/.exec(example)?.[1]
    if (key) keys.push(key)
    const isExample = open || key !== undefined || /^\s*\{/.test(example)
    if (!isExample) return line
    open = (open || example.includes('{')) && !example.includes('}')
    return `${indent}${example}`
  })
  return { text: lines.join('\n'), keys }
}

test('the commented-out keys of config/lab.yaml are true examples', () => {
  const { text, keys } = uncommented(readFileSync(LAB, 'utf8'))
  assert.deepEqual(keys, ['mac', 'mtu', 'impair', 'local_addresses', 'conn_timeout', 'timeouts'])
  const config = parseConfig(text, 'lab.yaml')
  assert.equal(config.arms[0]?.mac, '02:74:76:00:00:01')
  assert.deepEqual(config.arms[1]?.impair, {
    loss: 0.01,
    duplicate: 0.01,
    reorder: 0.01,
    corrupt: 0.01,
    seed: 1,
  })
  assert.equal(config.services[0]?.connTimeout, 90)
  // What the comments call the defaults changes nothing.
  const plain = readConfig(LAB)
  assert.equal(config.arms[0]?.mtu, plain.arms[0]?.mtu)
  assert.deepEqual(config.services[0]?.localAddresses, plain.services[0]?.localAddresses)
  assert.deepEqual(config.tcp, plain.tcp)
})

test('what config/lab.yaml calls the default is the default', () => {
  const lab = readConfig(LAB)
  const least = parseConfig('arms: [{ name: a }]', 'x.yaml')
  const shared = ({ worker, connections, tcp, neighbours, log, control }: Config) => ({
    worker,
    connections,
    tcp,
    neighbours,
    log,
    control,
  })
  assert.deepEqual(shared(least), shared(lab))
  assert.deepEqual(least.services, [])
  assert.equal(least.arms[0]?.netns, null)
})

test('timeouts come in the order of the states', () => {
  const keys = Object.keys(State).map((name, i) => `${name.toLowerCase()}: ${i + 100}`)
  const text = yaml({ rest: `tcp: { timeouts: { ${keys.reverse().join(', ')} } }` })
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
  assert.deepEqual(first?.realServers, [{ address: '8.8.8.8', port: 80, weight: 1 }])
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

test('every mistake at once, with its place, in the order of the file', () => {
  const text = `arms:
  - name: ext0
    mtu: big
    netns: a/b
    addresses: [10.0.0.1/24, 10.0.0.300]
    local_adresses: [1.2.3.4]
    routes:
      - to: 10.0.0.5/24
    impair: { loss: 2, sed: x }
  - name: ext0
    mac: 01:00:00:00:00:00
    mtu: 9001
    mtu: 1500
    addresses: [10.0.0.1]
  - 7
services:
  - address: 10.0.0.1
    port: 0
    scheduler: wlc
    real_servers:
      - address: 10.0.0.1
      - { address: 9.9.9.9, wieght: 3 }
  - port: 5
worker: { lports: { mask: 7, residue: 8 } }
tpc: {}
`
  assert.deepEqual(problems(text), [
    'x.yaml:3:10 arms[0].mtu: expected a whole number 576-9000, found "big"',
    'x.yaml:4:12 arms[0].netns: expected the name of a network namespace, found "a/b"',
    'x.yaml:5:30 arms[0].addresses[1]: expected an IPv4 address with a prefix length, like 192.0.2.1/24, found "10.0.0.300"',
    'x.yaml:6:5 arms[0].local_adresses: expected a known key, found "local_adresses"; did you mean local_addresses?',
    'x.yaml:8:13 arms[0].routes[0].to: expected a network, like 10.0.0.0/24, found "10.0.0.5/24"',
    'x.yaml:9:21 arms[0].impair.loss: expected a percentage 0%-100%, like 0.5%, found 2',
    'x.yaml:9:24 arms[0].impair.sed: expected a known key, found "sed"; did you mean seed?',
    'x.yaml:10:11 arms[1].name: expected each once, found arm ext0 again, see line 2',
    'x.yaml:11:10 arms[1].mac: expected a unicast MAC address, like 02:74:76:00:00:01, found "01:00:00:00:00:00"',
    'x.yaml:13:5 arms[1].mtu: expected each key once, found it again',
    'x.yaml:14:17 arms[1].addresses[0]: expected each once, found address 10.0.0.1 again, see line 5',
    'x.yaml:15:5 arms[2]: expected a mapping, found 7',
    'x.yaml:18:11 services[0].port: expected a whole number 1-65535, found 0',
    'x.yaml:19:16 services[0].scheduler: expected rr or wrr, found "wlc"',
    'x.yaml:21:18 services[0].real_servers[0].address: expected another host, found our own address "10.0.0.1"',
    'x.yaml:22:29 services[0].real_servers[1].wieght: expected a known key, found "wieght"; did you mean weight?',
    'x.yaml:23:5 services[1].address: expected an IPv4 address, found nothing',
    'x.yaml:24:39 worker.lports.residue: expected at most the mask (7), else no lport is ours, found 8',
    'x.yaml:25:1 tpc: expected a known key, found "tpc"; did you mean tcp?',
  ])
})

test('what values say about each other', async t => {
  const cases: Record<string, [text: string, expected: string[]]> = {
    'the same LIP in two arms': [
      yaml({
        arms: '[{ name: a, local_addresses: [10.0.0.9] }, { name: b, local_addresses: [10.0.0.9] }]',
      }),
      ['arms[1].local_addresses[0]: expected each once, found address 10.0.0.9 again, see line 1'],
    ],
    'a LIP that is an address too': [
      yaml({ arms: '[{ name: a, addresses: [10.0.0.9/24], local_addresses: [10.0.0.9] }]' }),
      ['arms[0].local_addresses[0]: expected each once, found address 10.0.0.9 again, see line 1'],
    ],
    'the same service twice': [
      yaml({ services: '[{ address: 10.0.0.1, port: 80 }, { address: 10.0.0.1, port: 80 }]' }),
      ['services[1]: expected each once, found service 10.0.0.1:80 again, see line 2'],
    ],
    'the same real server twice, once by the default port': [
      yaml({
        services:
          '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.0.2 }, { address: 10.0.0.2, port: 80 }] }]',
      }),
      [
        'services[0].real_servers[1]: expected each once, found real server 10.0.0.2:80 again, see line 2',
      ],
    ],
    'a LIP of the service that is none': [
      yaml({ services: '[{ address: 10.0.0.1, port: 80, local_addresses: [10.0.0.1] }]' }),
      ['services[0].local_addresses[0]: expected a LIP of some arm (10.0.0.9), found "10.0.0.1"'],
    ],
    'no LIP anywhere': [
      yaml({
        arms: '[{ name: a, addresses: [10.0.0.1/24] }]',
        services: '[{ address: 10.0.0.1, port: 80 }]',
      }),
      [
        'services[0]: expected a LIP to reach its real servers from, found no local_addresses in any arm',
      ],
    ],
    'an empty list of LIPs': [
      yaml({ services: '[{ address: 10.0.0.1, port: 80, local_addresses: [] }]' }),
      ['services[0].local_addresses: expected at least one LIP, found none'],
    ],
    'a real server out of reach': [
      yaml({
        services: '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.1.2 }] }]',
      }),
      [
        'services[0].real_servers[0].address: expected an address that a route of some arm leads to, found "10.0.1.2"',
      ],
    ],
    'a gateway that is on-link of the other arm only': [
      yaml({
        arms: '[{ name: a, addresses: [10.0.0.1/24] }, { name: b, addresses: [10.0.0.2/32], routes: [{ to: default, via: 10.0.0.254 }] }]',
      }),
      [
        'arms[1].routes[0].via: expected a gateway on-link of b, found "10.0.0.254", which no address prefix or on-link route of that arm holds',
      ],
    ],
    'the same route twice': [
      yaml({ arms: '[{ name: a, routes: [{ to: 0.0.0.0/0 }, { to: default }] }]' }),
      ['arms[0].routes[1].to: expected each once, found route 0.0.0.0/0 again, see line 1'],
    ],
    'no arm': ['arms: []', ['arms: expected at least one arm, found none']],
    'arms left empty': ['arms:\n', ['arms: expected a list, found nothing']],
    'sixteen arms': [
      yaml({ arms: `[${Array.from({ length: 16 }, (_, i) => `{ name: a${i} }`).join(', ')}]` }),
      ['arms[15]: expected at most 15 arms, found 16'],
    ],
    'a mask that is not 2^n - 1': [
      yaml({ rest: 'worker: { lports: { mask: 5 } }' }),
      ['worker.lports.mask: expected 0, 1, 3, 7, 15, 31 or 63, found 5'],
    ],
    'a long device name': [
      yaml({ arms: '[{ name: abcdefghijklmnop }]' }),
      ['arms[0].name: expected a device name of 1-15 bytes, found "abcdefghijklmnop"'],
    ],
    'a socket without a folder': [
      yaml({ rest: 'control: { socket: tapvs.sock }' }),
      ['control.socket: expected an absolute path of at most 107 bytes, found "tapvs.sock"'],
    ],
  }
  for (const [name, [text, expected]] of Object.entries(cases)) {
    await t.test(name, () => {
      assert.deepEqual(
        problems(text).map(problem => problem.replace(/^x\.yaml:\d+:\d+ /, '')),
        expected,
      )
    })
  }
})

test('a mistake in an arm does not make mistakes of what depends on it', () => {
  const text = yaml({
    arms: '[{ name: a, adresses: [10.0.0.1/24], routes: [{ to: default, via: 10.0.0.254 }] }]',
    services: '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.0.2 }] }]',
  })
  assert.deepEqual(problems(text), [
    'x.yaml:1:19 arms[0].adresses: expected a known key, found "adresses"; did you mean addresses?',
  ])
})

test('at most 4096 LIPs, said once', () => {
  const lips = Array.from({ length: 4100 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  const found = problems(yaml({ arms: `[{ name: a, local_addresses: [${lips.join(', ')}] }]` }))
  assert.deepEqual(
    found.map(problem => problem.replace(/^\S+ /, '')),
    [
      'arms[0].local_addresses[4096]: expected at most 4096 addresses per namespace, found more',
      'arms[0].local_addresses[4096]: expected at most 4096 LIPs, found more',
    ],
  )
})

test('a VIP that no arm holds is a warning', () => {
  const config = parseConfig(yaml({ services: '[{ address: 10.0.0.5, port: 80 }]' }), 'x.yaml')
  assert.deepEqual(config.warnings, [
    'x.yaml:2:23 services[0].address: 10.0.0.5 is no address of any arm: nobody answers ARP for it',
  ])
})

test('what is no config at all', () => {
  const mapping = 'expected a mapping with at least `arms`, like config/lab.yaml'
  assert.deepEqual(problems(''), [`x.yaml:1:1 config: ${mapping}, found nothing`])
  assert.deepEqual(problems('# only a comment\n'), [`x.yaml:1:1 config: ${mapping}, found nothing`])
  assert.deepEqual(problems('hello'), [`x.yaml:1:1 config: ${mapping}, found "hello"`])
  assert.deepEqual(problems('[]'), [`x.yaml:1:1 config: ${mapping}, found a list`])
  assert.deepEqual(problems('services: []'), ['x.yaml:1:1 arms: expected a list, found nothing'])
  assert.deepEqual(problems('arms:\n\t- x'), [
    'x.yaml:2:1 config: expected YAML, found: Tabs are not allowed as indentation',
  ])
  assert.deepEqual(problems(`${yaml()}---\na: 1`), [
    'x.yaml:3:1 config: expected YAML, found: a second document',
  ])
  assert.equal(problems('arms: *nowhere').length, 1)
  assert.equal(problems('a: &a [1]\n'.concat('b: [*a, *a]\n'.repeat(1))).length, 3)
})

test('values behind an alias are reported where they stand', () => {
  const text =
    'arms:\n  - name: a\n    impair: &bad { loss: 7% , reorder: x }\n  - { name: b, impair: *bad }\n'
  assert.deepEqual(problems(text), [
    'x.yaml:3:40 arms[0].impair.reorder: expected a percentage 0%-100%, like 0.5%, found "x"',
    'x.yaml:3:40 arms[1].impair.reorder: expected a percentage 0%-100%, like 0.5%, found "x"',
  ])
})

test('a file that cannot be read', () => {
  assert.throws(() => readConfig('/nowhere/x.yaml'), {
    problems: ['/nowhere/x.yaml: no such file; expected a config like config/lab.yaml'],
  })
  assert.throws(() => readConfig('/'), {
    problems: ['/: is a folder; expected a config like config/lab.yaml'],
  })
})

test('the JSON schema asks for arms only', () => {
  const { required, properties } = configSchema as { required: string[]; properties: object }
  assert.deepEqual(required, ['arms'])
  assert.ok('neighbours' in properties)
})
