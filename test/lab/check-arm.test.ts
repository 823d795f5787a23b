/** Health checks through a real engine: from the LIP, out of the internal arm, against redis-servers of a namespace. */

import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { onPath, until } from '../../netns/processes.ts'
import { type ConfigCheck, NO_CHECK } from '../../src/config/check-keys.ts'
import type { Target } from '../../src/control/checks/attempt.ts'
import { probe } from '../../src/control/checks/probe.ts'
import { CheckAddresses, checkArm, openCheckNetns } from '../../src/control/threads/check-arm.ts'
import { ipv4Int, ipv4Text } from '../../src/wire/address.ts'
import { EngineOnTaps } from '../kit/engine-on-taps.ts'
import { linkTarget, NS } from '../kit/tap.ts'

const RS = '192.168.168.2'
const LIP = '192.168.168.7'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-check-'))
after(() => {
  spawnSync('ip', ['netns', 'del', NS], { stdio: 'ignore' })
  rmSync(folder, { recursive: true, force: true })
})

const CHECK: ConfigCheck = { ...NO_CHECK, type: 'redis' }

function redis(port: number): void {
  const name = join(folder, 'redis-server')
  if (!readdirSync(folder).includes('redis-server')) {
    symlinkSync(onPath('redis-server') ?? onPath('redis-check-rdb') ?? '', name)
  }
  const argv = [name, '--port', `${port}`, '--bind', RS, '--save', '', '--protected-mode', 'no']
  const child = spawn('ip', ['netns', 'exec', NS, ...argv], { stdio: 'ignore', cwd: folder })
  after(() => child.kill('SIGKILL'))
}

const namespaces = () =>
  new Set(readdirSync('/proc/self/fd').map(fd => linkTarget(`/proc/self/fd/${fd}`)))

/** What a probe says of those who do not answer. */
async function unanswered(stand: EngineOnTaps, addresses: CheckAddresses, first: Target) {
  // Nobody listens there: the RS's RST comes back the same way.
  stand.hidden(addresses.take(), 1, ipv4Int(RS), 1)
  const closed = { ...first, address: '169.254.1.2', port: 1 }
  assert.equal(await probe(closed, { ...CHECK, type: 'tcp' }), 'connection refused')
  // No such RS, and no such check address.
  stand.hidden(addresses.take(), 1, ipv4Int('192.168.168.99'), 1)
  const gone = { ...first, address: '169.254.1.3', port: 1 }
  const quick = { ...CHECK, type: 'tcp', timeout: 0.5 } as const
  assert.equal(await probe(gone, quick), 'connect timed out after 0.5 s')
  assert.equal(await probe({ ...gone, port: 2 }, quick), 'connect timed out after 0.5 s')
}

test('probes go through the engine, from the LIP to the RS, and count in no statistics but their own', async () => {
  const ip = (...args: string[]) => execFileSync('ip', ['-n', NS, ...args])
  const before = namespaces()
  const links = execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })
  execFileSync('ip', ['netns', 'add', NS])
  const netns = openCheckNetns(1, 1500)
  const stand = new EngineOnTaps(
    NS,
    (index, slots) => checkArm(index, 1500, slots),
    netns.fds[0] as number,
  )
  try {
    ip('addr', 'add', `${RS}/24`, 'dev', 'int0')
    ip('link', 'set', 'int0', 'up')
    redis(6379)
    const addresses = new CheckAddresses()
    const port = 6379
    const target = (): Target => {
      const address = addresses.take()
      stand.hidden(address, port, ipv4Int(RS), port)
      const rs = { address: RS, port }
      return { netns: netns.path, address: ipv4Text(address), port, rs, vip: rs }
    }
    const first = target()
    await until('redis', { limitMs: 8000, everyMs: 50 }, async () => {
      return (await probe(first, CHECK)) === undefined || undefined
    })
    assert.equal(first.address, '169.254.1.0')
    assert.equal(stand.stat(0).conns, 0, 'of the real service')
    assert.ok(stand.stat(1).conns > 0, 'of the hidden one')

    // The same RS by another address, at the same time, and by a script inside the namespace.
    const second = target()
    assert.deepEqual(await Promise.all([probe(first, CHECK), probe(second, CHECK)]), [
      undefined,
      undefined,
    ])
    const says = (words: string) =>
      probe(second, { ...CHECK, type: 'script', command: ['/bin/sh', '-c', `${words}; exit 1`] })
    assert.match(
      (await says('ip -o addr show dev check')) ?? '',
      /exit code 1: .* 169\.254\.0\.1\/30 /,
    )
    // What the RS sees as its client is the LIP.
    const client = await says('redis-cli -h $CHECK_ADDRESS client list | grep -o " addr=[0-9.]*"')
    assert.equal(client, `the script failed with exit code 1: addr=${LIP}`)
    assert.ok(stand.stat(2).conns >= 2)

    await unanswered(stand, addresses, first)
    assert.equal(
      execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }),
      links,
      "the host's links",
    )
    // But for the SYN to nowhere.
    assert.equal(stand.dropsOf(2), 1, 'the namespace speaks IPv4 only')
    assert.equal(stand.drops('TCP_NO_SERVICE'), 0, 'what an operator sees')
  } finally {
    stand.close()
    netns.close()
  }
  assert.deepEqual(namespaces(), before)
})

test('check addresses: each is given out once, and rests after it came back', () => {
  const addresses = new CheckAddresses()
  const [a, b] = [addresses.take(), addresses.take()]
  assert.equal(ipv4Text(b), '169.254.1.1')
  addresses.giveBack(a)
  const rest = Array.from({ length: 254 * 256 - 2 }, () => addresses.take())
  assert.equal(ipv4Text(rest.at(-1) as number), '169.254.254.255')
  assert.equal(addresses.take(), a)
  assert.throws(() => addresses.take(), /no address is left/)
})
