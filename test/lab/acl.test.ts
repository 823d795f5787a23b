/**
 * Deny and allow lists and rates before redis, with clients of several addresses: who is refused gets no answer, who is let in does; 100,000
 * prefixes come and go by reloads while others talk, and outlive a daemon that is killed.
 */

import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { daemonPid } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const [ONE, TWO, THREE] = ['202.108.10.2', '202.108.10.12', '202.108.10.13'] as const
const T = ['-t', `${VIP}:6379`] as const
const folder = scratchFolder()
const denied = join(folder, 'deny.txt')
const MANY = Array.from(
  { length: 100_000 },
  (_, i) => `10.${i >> 11}.${(i >> 3) & 255}.${(i & 7) * 32}/27`,
)

function write(...prefixes: string[]): void {
  writeFileSync(denied, `# of the test\n${prefixes.join('\n')}\n`)
  chmodSync(denied, 0o644)
}

write()
const config = labConfig(folder, 'acl', yaml => {
  yaml.setIn(['services', 0, 'deny_file'], denied)
  yaml.set('workers', { count: 2 })
})
const lab = labForTests('acl', { config, clients: 3 })

/** redis-cli cannot say from which address it connects. */
const PING = `
  const socket = require('node:net').connect({ host: '${VIP}', port: 6379, localAddress: process.argv[1] })
  socket.on('connect', () => socket.write('PING\\r\\n'))
  socket.on('data', data => { process.stdout.write(data); process.exit() })
  socket.on('error', () => process.exit())
  setTimeout(() => process.exit(), 1000)`

/** Whether redis answers a client of this address within a second. */
async function answers(from: string): Promise<boolean> {
  const { stdout } = await lab.client([process.execPath, '-e', PING, from], { timeoutMs: 10_000 })
  return stdout === '+PONG\r\n'
}

const service = async () => {
  const [found] = await ask(lab.paths.socket, { verb: 'services' })
  assert.ok(found)
  return found
}

/** A redis-cli that stays connected, from the first address. => says a word and waits for the answer */
function talker() {
  const child = lab.spawn('client', ['redis-cli', '-h', VIP], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  assert.ok(child.stdin && child.stdout)
  const { stdin, stdout } = child
  stdout.setEncoding('utf8')
  let read = ''
  stdout.on('data', text => {
    read += text
  })
  let said = 0
  return {
    child,
    async say(limitMs = 2000): Promise<void> {
      stdin.write(`ECHO ${++said}\n`)
      await until(
        'an answer',
        { limitMs, everyMs: 20 },
        () => read.endsWith(`${said}\n`) || undefined,
      )
    },
  }
}

test('who is denied gets no answer, and others do; by hand and by a file that is read again', async t => {
  for (const from of [ONE, TWO, THREE]) assert.equal(await answers(from), true, from)
  await mustTapvs(lab, 'ipvsadm', '-U', ...T, '-k', TWO)
  write(...MANY, `${THREE}/32`)
  const talk = talker()
  t.after(() => talk.child.kill())
  await talk.say()
  const before = Date.now()
  await mustTapvs(lab, 'ipvsadm', '-B')
  // The config that runs has an edit; the file has not.
  const reload = mustTapvs(lab, 'reload')
  for (let i = 0; i < 20; i++) await talk.say()
  await reload
  t.diagnostic(`100,000 prefixes read, put in place and talked across in ${Date.now() - before} ms`)
  assert.equal(await answers(THREE), false)
  assert.equal(await answers(TWO), true, 'an edit ends with a reload')
  await mustTapvs(lab, 'dpip', 'ipset', 'create', 'bots', 'hash:net')
  await mustTapvs(lab, 'ipvsadm', '-U', ...T, '-k', 'ipset:bots')
  assert.equal(await answers(TWO), true, 'the set is empty')
  await mustTapvs(lab, 'dpip', 'ipset', 'add', 'bots', TWO)
  assert.deepEqual(await Promise.all([ONE, TWO, THREE].map(answers)), [true, false, false])
  const { acl } = await service()
  assert.equal(acl?.deny?.prefixes, 100_002)
  assert.ok((acl?.deny?.hits ?? 0) >= 2)
  assert.deepEqual(acl?.deny?.files, [denied])
  assert.match(
    await mustTapvs(lab, 'ipvsadm', '-B', '--stats'),
    /^TCP +\S+ +ipset:bots +[1-9]\d*\nTCP +\S+ +10\.0\.0\.0\/27 +0\n/m,
  )
  assert.match(
    await mustTapvs(lab, 'dpip', 'ipset', 'show', '-s'),
    /^202\.108\.10\.12 +hits [1-9]/m,
  )
  const explained = await mustTapvs(lab, 'explain', 'drop', 'acl_denied')
  assert.match(
    explained,
    /rule: 202\.108\.10\.1[23] is in a prefix of a deny list of 202\.108\.10\.1:6379/,
  )
  await talk.say()
})

test('lists outlive a daemon that is killed, whatever the file has become', async () => {
  write('nonsense')
  const pid = daemonPid(lab.paths)
  assert.ok(pid)
  process.kill(pid, 'SIGKILL')
  await until('another daemon', { limitMs: 10_000 }, async () => {
    const now = daemonPid(lab.paths)
    return (now !== undefined && now !== pid && (await answers(ONE))) || undefined
  })
  assert.deepEqual(await Promise.all([TWO, THREE].map(answers)), [false, false])
  // Packet threads forward before there is anybody to ask.
  await until('an answer of the new one', { limitMs: 10_000 }, async () => {
    return (await lab.tapvs(['ipvsadm', '-ln'])).code === 0 || undefined
  })
  await mustTapvs(lab, 'dpip', 'ipset', 'del', 'bots', TWO)
  assert.equal(await answers(TWO), true, 'no member of the set any more')
  await mustTapvs(lab, 'dpip', 'ipset', 'add', 'bots', TWO)
  const { code, stderr } = await lab.tapvs(['reload'])
  assert.equal(code, 2)
  assert.match(stderr, /deny\.txt:2: expected an address or network/)
  assert.equal((await service()).acl?.deny?.prefixes, 100_002)
  chmodSync(denied, 0o666)
  assert.match((await lab.tapvs(['reload'])).stderr, /deny\.txt: others may write it/)
})

test('a list that comes to refuse a connection ends it, and its RS hears of it', async t => {
  write()
  await mustTapvs(lab, 'reload')
  const talk = talker()
  t.after(() => talk.child.kill())
  await talk.say()
  const clients = async () => {
    const { stdout } = await lab.rs(['redis-cli', '-h', '192.168.168.2', 'client', 'list'])
    return stdout.split('\n').filter(line => /cmd=echo/.test(line)).length
  }
  assert.equal(await clients(), 1)
  await mustTapvs(lab, 'ipvsadm', '-U', ...T, '-k', `${ONE}`)
  await until('redis to hear of it', { limitMs: 3000, everyMs: 50 }, async () => {
    return (await clients()) === 0 || undefined
  })
  // And what was left of its connections of before.
  assert.ok((await countersOf(lab)).events.acl_ended >= 1)
  await assert.rejects(talk.say(500))
  assert.equal(await answers(ONE), false)
  assert.equal(await answers(TWO), true)
})

test('an allow list lets in those on it, and nobody else', async () => {
  await mustTapvs(lab, 'reload')
  await mustTapvs(lab, 'ipvsadm', '-O', ...T, '-2', `${TWO}/32`)
  assert.deepEqual(await Promise.all([ONE, TWO, THREE].map(answers)), [false, true, false])
  assert.ok((await countersOf(lab)).drops.acl_not_allowed > 0)
  await mustTapvs(lab, 'ipvsadm', '-Y', ...T, '-2', TWO)
  assert.equal(await answers(ONE), true)
})

test('a client beyond its rate waits, and others do not', async t => {
  await mustTapvs(lab, 'ipvsadm', '-E', ...T, '--client-rate', '20')
  const load = ['redis-benchmark', '-h', VIP, '-k', '0', '-n', '60', '-c', '8', '-t', 'ping', '-q']
  const before = Date.now()
  const busy = mustClient(lab, load)
  let slowest = 0
  for (let i = 0; i < 5; i++) {
    const began = Date.now()
    assert.equal(await answers(TWO), true)
    slowest = Math.max(slowest, Date.now() - began)
  }
  await busy
  const took = Date.now() - before
  t.diagnostic(
    `60 connections at 20 a second took ${took} ms; another client had an answer within ${slowest} ms`,
  )
  // The first 20 are a burst.
  assert.ok(took > 1500, `${took} ms`)
  assert.ok((await countersOf(lab)).drops.client_rate > 0)
  assert.doesNotMatch(readFileSync(lab.paths.log, 'utf8'), /failed|error/i)
})
