/** `scripts/lab` as a person types it: exit codes, one-line errors, what status and capture give. */

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { otherVersion } from '../../netns/things-to-try.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import { labName, mustClient, scratchFolder, VIP } from '../kit/lab.ts'

const lab = new Lab(labName('verbs'))
after(() => lab.down())
const folder = scratchFolder()

function type(words: string): { status: number | null; stdout: string; stderr: string } {
  const [verb, ...rest] = words.split(' ')
  const argv = [verb, '--name', lab.name, ...rest]
  return spawnSync(join(CHECKOUT, 'scripts', 'lab'), argv, { encoding: 'utf8', timeout: 60_000 })
}

/** Fails with `status` and one line that has the words. */
function fails(words: string, status: number, said: RegExp): void {
  const ended = type(words)
  assert.equal(ended.status, status, ended.stderr)
  assert.match(ended.stderr, said)
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr)
}

test('without a lab', () => {
  assert.equal(type('status').status, 3)
  assert.equal(type('down').status, 0)
  fails('client true', 1, /no lab .* is up: start it with `lab up`/)
  fails('up --rs 0', 2, /--rs/)
  fails('up --config /no/such/file', 2, /cannot read the config \/no\/such\/file/)
  fails('demmo', 2, /demo/)
  fails('up --nmae x', 2, /nmae/)
  assert.equal(lab.exists(), false, 'what failed has left nothing')
})

test('up twice is up once', () => {
  const first = type('up')
  assert.equal(first.status, 0, first.stderr)
  for (const thing of ['redis-cli -h 202.108.10.1', ' capture', 'ipvsadm -ln', ' down']) {
    assert.ok(first.stdout.includes(thing), thing)
  }
  const before = type('status --json').stdout
  const second = type('up')
  assert.equal(second.status, 0)
  assert.doesNotMatch(second.stdout, /goes on as/)
  assert.equal(type('status --json').stdout, before, 'the same processes are still there')
})

test('a daemon from before the checkout was changed is told', () => {
  assert.deepEqual(otherVersion('0.1.0+a', '0.1.0+a'), [])
  assert.match(
    otherVersion('0.1.0+a', '0.1.0+b').join(),
    /as tapvs 0\.1\.0\+a, .* 0\.1\.0\+b: lab down/,
  )
})

test('status for programs', () => {
  const { status, stdout } = type('status --json')
  assert.equal(status, 0)
  const all = JSON.parse(stdout) as Record<string, unknown>
  assert.equal(all.state, 'up')
  for (const words of [
    `${lab.name}-client`,
    `${lab.name}-rs`,
    'ext0',
    'int0',
    '202.108.10.1:6379',
    '192.168.168.7',
    '192.168.168.2',
    lab.paths.config,
    lab.paths.socket,
  ]) {
    assert.ok(stdout.includes(words), words)
  }
})

test('a command inside keeps its options and its exit code', () => {
  assert.equal(type(`client redis-cli -h ${VIP} ping`).stdout, 'PONG\n')
  assert.equal(type('client false').status, 1)
  assert.equal(type('rs bash -c exit\t7').status, 7)
  assert.match(type('rs ip -br addr show dev int0').stdout, /192\.168\.168\.2\/24/)
})

test('capture writes a pcap of each arm', async () => {
  const argv = ['capture', '--name', lab.name, '--count', '10', '--seconds', '20', '-w', folder]
  const capture = spawn(join(CHECKOUT, 'scripts', 'lab'), argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(done => capture.once('close', done))
  await new Promise<void>(done => {
    let listening = 0
    const look = (chunk: Buffer) => {
      listening += chunk.toString().split('listening on').length - 1
      if (listening === 2) done()
    }
    capture.stderr.on('data', look)
    capture.stdout.on('data', look)
  })
  await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  assert.equal(await ended, 0)
  for (const arm of ['ext0', 'int0']) assert.ok(statSync(join(folder, `${arm}.pcap`)).size > 500)
})

test('down takes all of it', () => {
  assert.equal(type('down').status, 0)
  assert.equal(lab.exists(), false)
  assert.equal(type('status').status, 3)
})
