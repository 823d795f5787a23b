import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { type Command, readCommand } from '../../../src/cli/ipvsadm/command.ts'
import { COMMANDS } from '../../../src/cli/ipvsadm/commands.ts'
import { ipvsadmHelp } from '../../../src/cli/ipvsadm/help.ts'
import { OPTIONS, SERVICE as SERVICES } from '../../../src/cli/ipvsadm/options.ts'
import { REFUSED } from '../../../src/cli/ipvsadm/refused.ts'

const words = (line: string) => line.split(' ').filter(word => word !== '')
const read = (line: string) => readCommand(words(line)).command
const SERVICE = { protocol: 'tcp', address: '202.108.10.1', port: 6379 } as const
const DNS = { protocol: 'udp', address: '10.0.0.1', port: 53 } as const
const T = '-t 202.108.10.1:6379'
const REJECTS = { conn_timeout: 300, when_down: 'reject' } as const

function refuses(line: string, message: string): void {
  assert.throws(
    () => readCommand(words(line)),
    (error: unknown) =>
      error instanceof CliError && error.exitCode === 2 && error.message === message,
    line,
  )
}

test('the commands of the seed', () => {
  const cases: [string, Command][] = [
    [`-A ${T} -s wrr`, edit({ edit: 'add-service', service: SERVICE, scheduler: 'wrr' })],
    [
      `-a ${T} -r 192.168.168.2:6379 -b -w 100`,
      edit({
        edit: 'add-server',
        service: SERVICE,
        server: { address: '192.168.168.2', port: 6379 },
        weight: 100,
        forwarding: 'fullnat',
      }),
    ],
    [
      `--add-laddr -z 192.168.168.7 ${T} -F int0`,
      edit({ edit: 'add-lip', service: SERVICE, address: '192.168.168.7', arm: 'int0' }),
    ],
  ]
  for (const [line, command] of cases) assert.deepEqual(read(line), command, line)
})

function edit(one: Extract<Command, { do: 'edit' }>['edits'][number]): Command {
  return { do: 'edit', edits: [one] }
}

test('each command by letter and by name', () => {
  const server = { address: '10.0.0.2' }
  const lip = { service: SERVICE, address: '10.0.0.7', arm: 'int0' }
  const cases: [string, string, Command][] = [
    [
      `-A ${T} -s rr --conn-timeout 300 --when-down reject`,
      `--add-service -s rr --tcp-service 202.108.10.1:6379 --conn-timeout=300 --when-down=reject`,
      edit({ edit: 'add-service', service: SERVICE, scheduler: 'rr', ...REJECTS }),
    ],
    [
      `-E ${T} -s rr`,
      `--edit-service ${T} --scheduler rr`,
      edit({ edit: 'edit-service', service: SERVICE, scheduler: 'rr' }),
    ],
    [`-D ${T}`, `--delete-service ${T}`, edit({ edit: 'delete-service', service: SERVICE })],
    ['-C', '--clear', edit({ edit: 'clear' })],
    [
      `-e ${T} -r 10.0.0.2 -w 0 -x 100 -y 50`,
      `--edit-server ${T} --real-server 10.0.0.2 --weight 0 --u-threshold 100 --l-threshold 50`,
      edit({
        edit: 'edit-server',
        service: SERVICE,
        server,
        weight: 0,
        upper_threshold: 100,
        lower_threshold: 50,
      }),
    ],
    [
      `-d ${T} -r 10.0.0.2`,
      `--delete-server ${T} -r 10.0.0.2`,
      edit({ edit: 'delete-server', service: SERVICE, server }),
    ],
    [
      `-P -z 10.0.0.7 ${T} -F int0`,
      `--add-laddr --laddr 10.0.0.7 ${T} --ifname int0`,
      edit({ edit: 'add-lip', ...lip }),
    ],
    [
      `-Q -z 10.0.0.7 ${T} -F int0`,
      `--del-laddr -z 10.0.0.7 ${T} -F int0`,
      edit({ edit: 'delete-lip', ...lip }),
    ],
    [`-G ${T}`, `--get-laddr ${T}`, { do: 'lips', service: SERVICE }],
    ['-G -n', '-Gn', { do: 'lips' }],
    ['-Z', '--zero', { do: 'zero' }],
    [`-Z ${T}`, `--zero ${T}`, { do: 'zero', service: SERVICE }],
    ['-S', '-Sn', { do: 'save' }],
    ['-R', '--restore', { do: 'restore' }],
    ['-h', '--help', { do: 'help' }],
    ['-v', '--version', { do: 'version' }],
  ]
  for (const [letters, names, command] of cases) {
    assert.deepEqual(read(letters), command, letters)
    assert.deepEqual(read(names), command, names)
  }
})

test('services of UDP, and timeouts', () => {
  const cases: [string, string, unknown][] = [
    [
      '--set 900 120 0',
      '--set 900 120 0',
      edit({
        edit: 'set-timeouts',
        established: 900,
        fin_wait: 120,
        udp_oneway: 0,
        udp_normal: 0,
      }),
    ],
    [
      '-Aou 10.0.0.1:53 -s rr',
      '--add-service --ops --udp-service 10.0.0.1:domain -s rr',
      edit({ edit: 'add-service', service: DNS, scheduler: 'rr', one_packet: true }),
    ],
    [
      '-Au 10.0.0.1:53 -s rr --quic',
      '--add-service --udp-service 10.0.0.1:domain -s rr --quic',
      edit({ edit: 'add-service', service: DNS, scheduler: 'rr', quic: true }),
    ],
    [
      '-E -u 10.0.0.1:53',
      '--edit-service --udp-service 10.0.0.1:53',
      edit({ edit: 'edit-service', service: DNS, scheduler: 'wlc' }),
    ],
    ['-S -u 10.0.0.1:53', '--save --udp-service 10.0.0.1:53', { do: 'save', service: DNS }],
  ]
  for (const [letters, names, command] of cases) {
    assert.deepEqual(read(letters), command, letters)
    assert.deepEqual(read(names), command, names)
  }
})

test('letters stand together, and a value may be attached', () => {
  const expected = read(`-a ${T} -r 10.0.0.2:80 -m -w 5`)
  for (const line of [
    '-at202.108.10.1:6379 -r10.0.0.2:80 -mw5',
    '-amw 5 -t=202.108.10.1:6379 -r 10.0.0.2:80',
    '-r 10.0.0.2:80 -w 5 -t 202.108.10.1:redis -am',
    '-a -t 202.108.10.1:6379 -r 10.0.0.2:http --masquerading -w5',
  ]) {
    assert.deepEqual(read(line), expected, line)
  }
})

test('persistence: its time may be missing, its mask is a netmask or a length', () => {
  const service = (line: string) => {
    const command = read(line)
    return command.do === 'edit' ? command.edits[0] : undefined
  }
  const plain = { edit: 'add-service', service: SERVICE, scheduler: 'wlc' }
  for (const line of [
    `-A ${T} -p`,
    `-A -p ${T}`,
    `-A ${T} --persistent`,
    `-A ${T} -p 360`,
    `-A ${T} -p360`,
  ])
    assert.deepEqual(service(line), { ...plain, persistence: 360 }, line)
  for (const line of [
    `-A ${T} -p 60 -M 255.255.255.0`,
    `-A ${T} -p 60 -M 24`,
    `-A ${T} -M24 -p 60`,
  ])
    assert.deepEqual(service(line), { ...plain, persistence: 60, persistence_prefix: 24 }, line)
})

test('what is listed', () => {
  const plain = {
    do: 'list',
    kind: 'services',
    conns: { one: false },
    exact: false,
    sorted: true,
  }
  for (const line of ['', '-L', '-l', '-ln', '-Ln', '--list', '--list --numeric', '-l --sort'])
    assert.deepEqual(read(line), plain, line)
  const kinds: [string, string][] = [
    ['-lnc', 'connections'],
    ['-ln -c', 'connections'],
    ['-L -n --connection', 'connections'],
    ['-Ln --stats', 'stats'],
    ['-ln --rate', 'rate'],
    ['-l --thresholds', 'thresholds'],
    ['-l --timeout', 'timeout'],
    ['--timeout', 'timeout'],
  ]
  for (const [line, kind] of kinds) {
    const command = read(line)
    assert.equal(command.do === 'list' && command.kind, kind, line)
  }
  const exact = read(`-LnX --stats --nosort ${T}`)
  assert.deepEqual(exact, {
    ...plain,
    kind: 'stats',
    service: SERVICE,
    conns: { one: false, protocol: 'tcp', vip: '202.108.10.1:6379' },
    exact: true,
    sorted: false,
  })
  const pair = read('-lnc --sockpair tcp:202.108.10.2:33896:202.108.10.1:redis --cpu 5')
  assert.deepEqual(pair.do === 'list' && pair.conns, {
    one: true,
    protocol: 'tcp',
    client: '202.108.10.2:33896',
    vip: '202.108.10.1:6379',
    worker: 5,
  })
  const datagrams = read('--sockpair UDP:10.0.0.2:4000:10.0.0.1:domain')
  assert.deepEqual(datagrams.do === 'list' && datagrams.conns, {
    one: true,
    protocol: 'udp',
    client: '10.0.0.2:4000',
    vip: '10.0.0.1:53',
  })
})

test('mistakes are one line that says what to do', () => {
  const cases: [string, string][] = [
    ['-lx', '-x needs CONNS'],
    ['-lK', 'unknown option -K in -lK; see tapvs ipvsadm --help'],
    ['-K', 'unknown option -K; see tapvs ipvsadm --help'],
    ['--stat', 'unknown option --stat; did you mean --stats?'],
    ['-stats', 'unknown option -stats; did you mean --stats?'],
    ['-l --zzzz', 'unknown option --zzzz; see tapvs ipvsadm --help'],
    ['--stats=1', '--stats takes no value'],
    ['list', 'unexpected word "list"; see tapvs ipvsadm --help'],
    [`-A -D ${T}`, '-A and -D: only one command at a time'],
    [`-A ${T} ${T}`, '-t is given twice'],
    ['-A', '-A needs -t or -u VIP:PORT, or -H MATCH'],
    [`-A ${T} -u 10.0.0.1:53`, '-t and -u: one service at a time'],
    [`-A ${T} -o`, '-o is for UDP: it goes with -u'],
    ['-A -u 10.0.0.1', '-u needs a port: 10.0.0.1:PORT'],
    ['-A -u 10.0.0.1:whois', 'no UDP port is called "whois" in /etc/services; did you mean who?'],
    ['-A -t', '-t needs VIP:PORT'],
    [`-a ${T}`, '-a needs -r RIP[:PORT]'],
    [`-P -z 10.0.0.7 ${T}`, '-P needs -F ARM'],
    [`-A ${T} -w 1`, '-w does not go with -A; see tapvs ipvsadm --help'],
    [`-lc --stats`, '--stats and -c are different lists; name one of them'],
    ['-l --cpu 1', '--cpu goes with -c only: services count what all workers did'],
    ['-A -t 202.108.10.1', '-t needs a port: 202.108.10.1:PORT'],
    ['-A -t 202.108.10.1:0', 'expected a port 1-65535, found 0'],
    [
      '-A -t 202.108.10.1:rediss',
      'no TCP port is called "rediss" in /etc/services; did you mean redis?',
    ],
    ['-A -t www:80', 'expected VIP:PORT, like 192.0.2.1:80 after -t, found "www:80"'],
    [`-a ${T} -r 10.0.0.2 -w heavy`, 'expected a whole number 0-65535 after -w, found "heavy"'],
    [`-a ${T} -r 10.0.0.2 -w -1`, 'expected a whole number 0-65535 after -w, found "-1"'],
    [`-P -z int0 ${T} -F int0`, 'expected an IP address after -z, found "int0"'],
    [`-A ${T} -M 24`, '-M goes with -p'],
    [`-A ${T} -p 0`, 'expected a whole number 1-1000000 after -p, found "0"'],
    [
      `-A ${T} -p -M 255.0.255.0`,
      'expected a netmask like 255.255.255.0 after -M, found "255.0.255.0"',
    ],
    ['--set 1 2', '--set needs UDP'],
    ['--set 1 2 x', 'expected a whole number 0-1000000 after --set, found "x"'],
    [
      '-lc --sockpair sctp:1.2.3.4:1:1.2.3.4:2',
      'expected tcp|udp|icmp:CIP:CPORT:VIP:VPORT after --sockpair, found "sctp:1.2.3.4:1:1.2.3.4:2"',
    ],
  ]
  for (const [line, message] of cases) refuses(line, message)
})

test('what DPVS has and this has not says why', () => {
  for (const row of REFUSED) {
    const word = row.short ? `-${row.short}` : `--${row.long}`
    for (const each of [`-${row.short ?? `-${row.long}`}`, `--${row.long}`])
      refuses(`-A ${T} ${each}`, `${word}: ${row.refused}`)
  }
})

test('no letter and no name means two things', () => {
  const rows = [...COMMANDS, ...OPTIONS, ...REFUSED]
  const names = rows.map(({ long }) => long)
  const letters = rows.flatMap(({ short = '' }) => [...short])
  assert.equal(new Set(names).size, names.length)
  assert.equal(new Set(letters).size, letters.length)
  for (const { needs, takes } of COMMANDS)
    for (const name of [...needs, ...takes]) assert.ok([...names, SERVICES].includes(name), name)
})

test('help has every row, in at most 100 columns', () => {
  const text = ipvsadmHelp()
  for (const { long } of [...COMMANDS, ...OPTIONS]) assert.ok(text.includes(`--${long}`), long)
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line)
})
