/** `tapvs dpip ipset`: both ways of DPVS's builds to make and delete a set, and what is in it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dpip } from '../../../src/cli/verbs/dpip.ts'
import { membersOf } from '../../../src/config/members.ts'
import { PaperDaemon } from '../paper-daemon.ts'

async function say(daemon: PaperDaemon, line: string): Promise<string[]> {
  daemon.stdout = ''
  await dpip(line.split(' '), daemon.open)
  return daemon.stdout.split('\n').slice(0, -1)
}
const sets = ({ file }: PaperDaemon) => file.ipsets.map(({ name, prefixes }) => [name, ...prefixes])

test('sets are made, filled, emptied and deleted', async () => {
  const daemon = new PaperDaemon()
  for (const line of [
    ...['create bots hash:net', 'add nets hash:ip', 'add bots 192.0.2.1', 'ips a bots 10.0.0.7/32'],
    ...['a bots 198.51.100.254-198.51.101.1', '-6 add nets 2001:DB8::/32', 'del bots 10.0.0.7'],
  ])
    await say(daemon, line.startsWith('ips ') ? line : `ipset ${line}`)
  assert.deepEqual(sets(daemon), [
    ['bots', '192.0.2.1', '198.51.100.254/31', '198.51.101.0/31'],
    ['nets', '2001:db8::/32'],
  ])
  await say(daemon, 'ipset flush bots')
  assert.deepEqual(sets(daemon), [['bots'], ['nets', '2001:db8::/32']])
  await say(daemon, 'ipset flush')
  await say(daemon, 'ipset del bots -D')
  await say(daemon, 'ipset destroy nets')
  assert.deepEqual(sets(daemon), [])
})

test('a range is its networks, none of them twice and none too many', () => {
  const cases: [string, string[]][] = [
    ['10.0.0.1-10.0.0.1', ['10.0.0.1']],
    ['0.0.0.0-255.255.255.255', ['0.0.0.0/0']],
    ['10.0.0.1-10.0.0.6', ['10.0.0.1', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6']],
    ['127.255.255.255-128.0.0.0', ['127.255.255.255', '128.0.0.0']],
    ['2001:db8::ffff-2001:db8::1:1', ['2001:db8::ffff', '2001:db8::1:0/127']],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['::/0']],
  ]
  for (const [text, members] of cases) assert.deepEqual(membersOf(text), members, text)
  const most = membersOf('::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe')
  assert.equal(most.length, 254)
  assert.match(`${membersOf('10.0.0.9-10.0.0.1')}`, /^expected an address or network/)
})

test('what is in a set, and what of it was met', async () => {
  const daemon = new PaperDaemon()
  for (const line of ['create bots hash:ip', 'add bots 10.0.0.0/8', 'add bots 2001:db8::1'])
    await say(daemon, `ipset ${line}`)
  const [head, members] = [6, 7]
  const shown = await say(daemon, 'ipset show bots')
  assert.deepEqual(shown.slice(0, 3), [
    ...['Name: bots', 'Type: hash:net', 'Header: family inet,inet6  maxelem 524288'],
  ])
  assert.match(shown[3] ?? '', /^Size in memory: \d{3,}$/)
  assert.deepEqual(shown.slice(4, members), ['References: 0', 'Number of entries: 2', 'Members:'])
  assert.deepEqual(shown.slice(members), ['10.0.0.0/8', '2001:db8::1'])
  assert.deepEqual((await say(daemon, '-6 ipset list')).slice(members), ['2001:db8::1'])
  assert.match((await say(daemon, 'ipset show -s')).at(-1) ?? '', /^2001:db8::1 +hits 0$/)
  assert.equal((await say(daemon, 'ipset show'))[head], 'Members:')
})

test('a test says whether, and its exit code too', async () => {
  const daemon = new PaperDaemon()
  await say(daemon, 'ipset create bots hash:net')
  await say(daemon, 'ipset add bots 10.0.0.0/8')
  assert.deepEqual(await say(daemon, 'ipset test bots 10.9.0.1'), ['true'])
  assert.deepEqual(await say(daemon, 'ipset test bots 10.9.0.1 -v'), ['10.9.0.1 is in set bots'])
  await assert.rejects(say(daemon, 'ipset test bots 2001:db8::1'), { name: 'Ended', exitCode: 1 })
  assert.equal(daemon.stdout, 'false\n')
})

test('what is wrong is one line', async () => {
  const daemon = new PaperDaemon()
  await say(daemon, 'ipset create bots hash:net')
  await say(daemon, 'ipset add bots 192.0.2.1')
  for (const [line, message] of [
    ['create bots hash:net', 'ipset bots exists already'],
    ['create nets bitmap:ip', 'expected one of hash:ip, hash:net, found "bitmap:ip"'],
    ['add nets bitmap:port', 'expected one of hash:ip, hash:net, found "bitmap:port"'],
    ['create nets', 'dpip ipset create needs TYPE'],
    ['create a!b hash:net', /^ipsets\[1\]\.name: expected a name of 1-31 letters/],
    ['create nets hash:net maxelem 9', /^maxelem: every set has room for 524288 members;/],
    ['add bots 192.0.2.1/32', 'member 192.0.2.1 exists already in ipset bots'],
    ['add bots 192.0.2.1/24', /^expected a network, like 192\.0\.2\.0\/24/],
    ['add bots 192.0.2.1,80', /^expected an address or network/],
    ['del bots', 'dpip ipset del needs ENTRY; del NAME -D deletes the set'],
    ['del bots 192.0.2.2', 'no member 192.0.2.2 in ipset bots'],
    ['del nets -D', 'no ipset nets'],
    ['show nets', 'there is no ipset nets; see tapvs dpip ipset show'],
    ['test bots 192.0.2.0/24', 'expected an address, found "192.0.2.0/24"'],
    ['test nets 192.0.2.1', 'no ipset nets'],
    ['add bots 192.0.2.1 -D', '-D does not go with dpip ipset add'],
  ] as const)
    await assert.rejects(say(daemon, `ipset ${line}`), { name: 'CliError', message }, line)
})
