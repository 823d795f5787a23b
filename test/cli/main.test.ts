import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Finished, run } from '../../netns/processes.ts'
import { CHECKOUT, TAPVS } from '../../netns/topology.ts'
import type { Request, VerbName, Verbs } from '../../src/api/commands.ts'
import { Refused } from '../../src/api/refused.ts'
import { openServer } from '../../src/control/http/server.ts'
import { respond } from '../../src/control/respond.ts'
import { CONFIG, paperDaemon, WORKERS } from '../kit/control.ts'
import { inside } from '../kit/inside.ts'
import { ADDRESSES, COUNTERS, NUMBERS, SERVICES } from './canned.ts'

/** The program itself, where `inside` leaves something out. */
const program = (argv: string[]): Promise<Finished> => run([TAPVS, ...argv])

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tapvs-cli-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const CONNS = 2500

const CANNED: { [V in VerbName]?: Verbs[V]['answer'] } = {
  services: SERVICES,
  addresses: ADDRESSES,
  counters: COUNTERS,
  numbers: NUMBERS,
}

/** A daemon on paper after the seed's conversation, with a table of CONNS connections. */
async function fakeDaemon(t: TestContext): Promise<{ socket: string; asked: Request[] }> {
  const asked: Request[] = []
  const daemon = paperDaemon(CONFIG, undefined, {
    ...WORKERS,
    neighbours: () =>
      Promise.reject(new Refused('unanswered', 'the packet thread did not answer within 5 s')),
  })
  daemon.pageUrl = 'http://127.0.0.1:9080/#token=t'
  const socket = join(folder(t), 'tapvs.sock')
  const server = await openServer(socket, async request => {
    asked.push(request)
    const canned = CANNED[request.verb]
    return canned ? { ok: canned } : respond(request, daemon)
  })
  t.after(() => server.close())
  return { socket, asked }
}

test('the verbs print what the daemon answers', async t => {
  const { socket } = await fakeDaemon(t)
  const first = async (...argv: string[]) => {
    const { code, stdout, stderr } = await inside(argv, socket)
    assert.equal(`${code} ${stderr}`, '0 ', argv.join(' '))
    return stdout.split('\n').slice(0, -1)
  }
  const services = await first('ipvsadm', '-ln')
  assert.equal(services[3], 'TCP  202.108.10.1:6379 wrr')
  for (const form of ['-Ln', '-l', '-L', '--list']) {
    assert.deepEqual(await first('ipvsadm', form), services, form)
  }
  assert.match((await first('ipvsadm', '-ln', '--stats'))[1] ?? '', / InPkts /)
  assert.equal((await first('dpip', 'addr', 'show')).length, 6)
  assert.deepEqual(await first('dpip', 'a', 's'), await first('dpip', 'addr', 'show', '-s'))
  assert.equal((await first('dpip', 'link', 'show')).length, 6)
  assert.equal((await first('dpip', 'l', 's', '-s')).length, 18)
  assert.match((await first('counters')).join(), /eth_type/)
  assert.deepEqual(JSON.parse((await first('counters', '--json')).join('')), COUNTERS)
  assert.equal((await first('log', 'level'))[0], 'info')
  assert.deepEqual(await first('log', 'level', 'debug'), ['debug'])
  assert.deepEqual(await first('log', 'level', 'info', '--module', 'conn'), ['info'])
  assert.deepEqual((await first('log', 'level')).slice(0, 4), [
    'debug',
    '  daemon   debug',
    '  arm      debug',
    '  conn     info',
  ])
  assert.deepEqual(await first('log', 'reopen'), [])
  assert.deepEqual(await first('ui'), ['http://127.0.0.1:9080/#token=t'])
})

test('connections are asked for page by page', async t => {
  const { socket, asked } = await fakeDaemon(t)
  for (const forms of [['-lnc'], ['-ln', '-c'], ['-L', '-n', '--connection']]) {
    asked.length = 0
    // --utc stands in front of any verb.
    const front = forms.length > 1 ? ['--utc'] : []
    const { code, stdout } = await inside([...front, 'ipvsadm', ...forms], socket)
    assert.equal(code, 0)
    assert.equal(
      stdout.match(/^\[5\]tcp 7s {5}TIME_WAIT {3}202\.108\.10\.2:33896 /gm)?.length,
      CONNS,
    )
    assert.deepEqual(asked, [
      { verb: 'conns', from: 0, limit: 1000 },
      { verb: 'conns', from: 1000, limit: 1000 },
      { verb: 'conns', from: 2000, limit: 1000 },
    ])
  }
})

test('a reader that has seen enough ends the listing quietly', async t => {
  const { socket } = await fakeDaemon(t)
  const argv = ['-c', `set -o pipefail; "$0" ipvsadm -lnc --socket "$1" | head -n 1`]
  const child = spawn('bash', [...argv, join(CHECKOUT, 'bin/tapvs'), socket])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      text += chunk
    })
  }
  const code = await new Promise(done => child.on('close', done))
  assert.equal(code, 0)
  assert.equal(text.split('\n').length, 2)
  assert.match(text, /^\[5\]tcp/)
})

test('--socket outranks TAPVS_SOCKET', async t => {
  const { socket } = await fakeDaemon(t)
  const { code, stdout } = await inside(['log', 'level', '--socket', socket], '/nowhere')
  assert.match(`${code} ${stdout}`, /^0 info\n/)
})

test('failures are one line and exit code 1', async t => {
  const { socket } = await fakeDaemon(t)
  const place = folder(t)
  const failure = async (argv: string[], path: string) => {
    const { code, stdout, stderr } = await inside(argv, path)
    assert.equal(`${code} ${stdout}`, '1 ')
    return stderr
  }
  const none = (path: string) =>
    `tapvs: no daemon answers at ${path} (start one with: tapvs run --config FILE, or name its socket with --socket)\n`
  assert.equal(await failure(['ipvsadm', '-ln'], `${place}/x`), none(`${place}/x`))
  writeFileSync(`${place}/file`, '')
  assert.equal(await failure(['counters'], `${place}/file`), none(`${place}/file`))
  assert.equal(
    await failure(['dpip', 'neigh', 'show'], socket),
    'tapvs: the packet thread did not answer within 5 s\n',
  )
  for (const [said, expected] of [
    ['220 smtp\n', `what answers at ${place}/s is no tapvs daemon`],
    ['', `the daemon at ${place}/s ended without an answer`],
  ] as const) {
    const stranger = createServer(connection =>
      connection
        .on('error', () => {})
        .resume()
        .end(said),
    )
    await new Promise<void>(done => stranger.listen(`${place}/s`, done))
    assert.equal(await failure(['log', 'level'], `${place}/s`), `tapvs: ${expected}\n`)
    await new Promise(done => stranger.close(done))
  }
})

test('wrong use is one line and exit code 2', async () => {
  const cases: [argv: string[], message: string][] = [
    [[], 'no verb given; see tapvs --help'],
    [['ipvsdam'], 'unknown verb; did you mean ipvsadm?'],
    [['ipvsadm', '-A', '-u', '10.0.0.1:53', '-j', 'enable'], '-j is for TCP: it goes with -t'],
    [
      ['ipvsadm', '-A', '-t', '10.0.0.1:53', '-j', 'enable', '--synproxy-above', '5'],
      '--synproxy-above goes with -j auto',
    ],
    [['ipvsadm', '-c', '--stats'], '--stats and -c are different lists; name one of them'],
    [['dpip'], 'dpip needs an object: addr, route, neigh, link or ipset'],
    [['dpip', 'addr'], 'dpip addr needs a verb: add, del, show or flush'],
    [['--socket', '/x', 'dpip', 'adr'], 'unknown object "adr"; did you mean addr?'],
    [['config', 'check'], 'expected more arguments (found 0, need 1); see --help'],
    [['counters', 'all'], 'unknown word "all"; see tapvs counters --help'],
    [['nosuch'], 'unknown word "nosuch"; see tapvs --help'],
    [['ladder', '--widht', '100'], 'unknown option --widht; did you mean --width?'],
    [['config', 'apply', 'x', '--dry-rnu'], 'unknown option --dry-rnu; did you mean --dry-run?'],
    [['top', '--wholly'], 'unknown option --wholly; see tapvs top --help'],
    [['top', '-q'], 'unknown option -q; see tapvs top --help'],
    [['help', 'laddre'], 'no verb "laddre"; did you mean ladder?'],
    [['counters', '--socket'], 'Not enough arguments following: socket'],
    [['run'], 'Missing required argument: config'],
    [['run', '--config', 'x', '--ui=x'], '--ui: expected a port 0-65535, found x'],
    [['run', '--config', 'x', '--ui=65536'], '--ui: expected a port 0-65535, found 65536'],
    [
      ['log', 'level', 'loud'],
      'Invalid values: Argument: level, Given: "loud", Choices: "error", "warn", "info", "debug"',
    ],
  ]
  for (const [argv, message] of cases) {
    const asked = argv[0] === 'run' ? program : inside
    assert.deepEqual(await asked(argv), { code: 2, stdout: '', stderr: `tapvs: ${message}\n` })
  }
})

test('config check', async t => {
  const file = join(folder(t), 'x.yaml')
  assert.deepEqual(await inside(['config', 'check', join(CHECKOUT, 'config/lab.yaml')]), {
    code: 0,
    stdout: `${join(CHECKOUT, 'config/lab.yaml')}: ok\n`,
    stderr: '',
  })
  writeFileSync(file, 'arms:\n  - { name: a, mtu: 1 }\n  - { mtu: 2 }\n')
  const problems = [
    `${file}:2:21 arms[0].mtu: expected a whole number 576-9000, found 1`,
    `${file}:3:5 arms[1].name: expected a device name of 1-15 bytes, found nothing`,
    `${file}:3:12 arms[1].mtu: expected a whole number 576-9000, found 2`,
  ]
  const refused = { code: 2, stdout: '', stderr: `${problems.join('\n')}\n` }
  assert.deepEqual(await inside(['config', 'check', file]), refused)
  assert.deepEqual(await program(['run', '--config', file]), refused)
})

test('mistakes are told in English, whatever the locale', async () => {
  const { stderr } = await run(['env', 'LC_ALL=de_DE.UTF-8', TAPVS, 'run'])
  assert.equal(stderr, 'tapvs: Missing required argument: config\n')
})

test('help VERB is VERB --help', async () => {
  for (const verb of [['ladder'], ['config', 'apply'], ['ipvsadm'], ['dpip'], []]) {
    const help = await inside(['help', ...verb])
    assert.equal(help.code, 0, verb.join(' '))
    assert.deepEqual(help, await inside([...verb, '--help']), verb.join(' '))
  }
  assert.match((await inside(['--socket', '/x', 'help', 'ladder'])).stdout, /^tapvs ladder /)
})

test('--help and --version', async () => {
  const { code, stdout } = await program(['--help'])
  assert.equal(code, 0)
  for (const verb of ['run', 'config', 'log', 'counters', 'ipvsadm', 'dpip', 'completion']) {
    assert.match(stdout, new RegExp(`^ {2}tapvs ${verb} `, 'm'))
  }
  assert.match(
    (await program(['--version'])).stdout,
    /^\d+\.\d+\.\d+(\+[0-9a-f]{12}(\.dirty)?)?\n$/,
  )
})

test('a disk that is full where stdout goes is one line, and a reader who has gone is none', async t => {
  const { socket } = await fakeDaemon(t)
  const argvs = [['counters'], ['metrics'], ['ipvsadm', '-ln'], ['ipvsadm', '--help'], ['--help']]
  const into = async (target: string, argv: string[]) =>
    run(['bash', '-c', `"$@" ${target}`, 'bash', TAPVS, '--socket', socket, ...argv])
  for (const argv of argvs) {
    const { code, stderr } = await into('> /dev/full', argv)
    const line = 'tapvs: stdout cannot be written: the disk is full\n'
    assert.deepEqual([code, stderr], [1, line], argv.join(' '))
  }
  const { code, stderr } = await into('| true; exit "$PIPESTATUS"', ['ipvsadm', '-ln', '-c'])
  assert.deepEqual([code, stderr], [0, ''])
  // Nobody hears it, and the exit code still says it.
  assert.equal((await into('2> /dev/full', ['nosuch'])).code, 2)
})
