/** `tapvs ipvsadm` and whom a service takes, and how many at once: lists, rates, what -S makes of them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { ipvsadm } from '../../../src/cli/verbs/ipvsadm.ts'
import { PaperDaemon } from '../paper-daemon.ts'

const T = '-t 202.108.10.1:6379'

async function say(daemon: PaperDaemon, line: string): Promise<string> {
  daemon.stdout = ''
  await ipvsadm(line.split(' '), daemon.open)
  return daemon.stdout
}

async function fails(daemon: PaperDaemon, line: string, message: string, code = 1): Promise<void> {
  await assert.rejects(say(daemon, line), (error: unknown) => {
    assert.ok(error instanceof CliError)
    assert.deepEqual([error.message, error.exitCode], [message, code])
    return true
  })
}

async function seed(): Promise<PaperDaemon> {
  const daemon = new PaperDaemon()
  await say(daemon, `-A ${T} -s wrr`)
  await say(daemon, `--add-laddr -z 192.168.168.7 ${T} -F int0`)
  return daemon
}

test('deny and allow lists', async () => {
  const daemon = await seed()
  await say(daemon, `-U ${T} -k 10.0.0.0/8`)
  await say(daemon, `--add-deny ${T} -k 192.0.2.1/32`)
  await say(daemon, `-O ${T} -2 203.0.113.0/24`)
  assert.deepEqual((await say(daemon, '-B -n')).split('\n'), [
    'PROTO    VIP:VPORT                      BLACKLIST                     ',
    'TCP      202.108.10.1:6379              10.0.0.0/8                    ',
    'TCP      202.108.10.1:6379              192.0.2.1                     ',
    '',
  ])
  assert.deepEqual((await say(daemon, `-W ${T} --stats`)).split('\n'), [
    'PROTO    VIP:VPORT                      WHITELIST                      HITS',
    'TCP      202.108.10.1:6379              203.0.113.0/24                 0',
    '',
  ])
  const saved = await say(daemon, '-S')
  assert.match(saved, /^-U -t 202\.108\.10\.1:6379 -k 10\.0\.0\.0\/8\n-U .* -k 192\.0\.2\.1\n-O /m)
  await say(daemon, '-C')
  daemon.stdin = saved
  await say(daemon, '-R')
  assert.equal(await say(daemon, '-S'), saved)
  // An edit of the service leaves them.
  await say(daemon, `-E ${T} -s rr`)
  await say(daemon, `-V ${T} -k 192.0.2.1`)
  await say(daemon, `-Y ${T} -2 203.0.113.0/24`)
  assert.deepEqual(
    [daemon.file.services[0]?.deny, daemon.file.services[0]?.allow],
    [['10.0.0.0/8'], []],
  )
  await fails(daemon, `-V ${T} -k 1.1.1.1`, 'no deny 1.1.1.1 in TCP 202.108.10.1:6379')
  await fails(
    daemon,
    `-U ${T} -k 10.0.0.0/8`,
    'deny 10.0.0.0/8 exists already in TCP 202.108.10.1:6379',
  )
  await fails(daemon, `-U ${T}`, '-U needs -k PREFIX', 2)
  const network = 'expected a network, like 10.0.0.0/8, found "10.0.0.1/8"'
  await fails(daemon, `-U ${T} -k 10.0.0.1/8`, `-k: ${network}`, 2)
  await assert.rejects(
    say(daemon, `-U ${T} -k ipset:bad`),
    /expected one of ipsets, found "ipset:bad"/,
  )
})

test('ipsets: named on a list, printed, saved and read as such', async () => {
  const daemon = await seed()
  daemon.file.ipsets.push({ name: 'bad', prefixes: ['10.0.0.0/8', '192.0.2.1'] })
  await say(daemon, `-U ${T} -k ipset:bad`)
  await say(daemon, `-U ${T} -k 10.1.0.0/16`)
  const lines = (await say(daemon, `-B ${T}`)).split('\n').slice(1, -1)
  assert.deepEqual(
    lines.map(line => line.trim().split(/ +/).at(-1)),
    ['10.1.0.0/16', 'ipset:bad'],
  )
  const saved = await say(daemon, '-S')
  assert.match(saved, /-k 10\.1\.0\.0\/16\n-U .* -k ipset:bad\n/)
  await say(daemon, '-C')
  daemon.stdin = saved
  await say(daemon, '-R')
  assert.equal(await say(daemon, '-S'), saved)
  await say(daemon, `-V ${T} -k ipset:bad`)
  await fails(daemon, `-V ${T} -k ipset:bad`, 'no deny ipset:bad in TCP 202.108.10.1:6379')
})

test('prefixes that -R brings one by one are sent together, and one that is there is named with its line', async () => {
  const daemon = await seed()
  const lines = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(prefix => `-U ${T} -k ${prefix}\n`)
  daemon.stdin = lines.join('')
  await say(daemon, '-R')
  const edits = daemon.asked.map(request => ('edits' in request ? request.edits.length : 0))
  assert.equal(edits.at(-1), 1)
  assert.equal(daemon.file.services[0]?.deny.length, 3)
  daemon.stdin = `-V ${T} -k 10.0.0.1\n${lines[0]}${lines[1]}`
  const exists = 'deny 10.0.0.2 exists already in TCP 202.108.10.1:6379'
  await fails(daemon, '-R', `line 3: ${exists}; nothing was changed`)
})

test('rates', async () => {
  const daemon = await seed()
  await say(daemon, `-E ${T} -s wrr --connection-rate 100 --connection-burst 7 --client-rate 5`)
  const words = 'connection-rate 100 connection-burst 7 client-rate 5'
  assert.match(await say(daemon, '-ln'), new RegExp(`^TCP  202.* wrr ${words}$`, 'm'))
  const saved = await say(daemon, '-S')
  assert.match(saved, /--connection-rate 100 --connection-burst 7 --client-rate 5$/m)
  await fails(daemon, `-E ${T} --client-burst 5`, '--client-burst goes with --client-rate', 2)
  await say(daemon, `-E ${T} -s wrr --acl-established keep`)
  assert.match(await say(daemon, '-S'), /-s wrr --acl-established keep$/m)
})
