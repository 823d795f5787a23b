/** Words of ipvsadm with addresses of IPv6. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { type Command, readCommand } from '../../../src/cli/ipvsadm/command.ts'

const words = (line: string) => line.split(' ').filter(word => word !== '')
const read = (line: string) => readCommand(words(line)).command

function edit(one: Extract<Command, { do: 'edit' }>['edits'][number]): Command {
  return { do: 'edit', edits: [one] }
}

test('addresses of IPv6, in their one form whatever form they have', () => {
  const service = { protocol: 'tcp', address: '2001:db8::1', port: 80 } as const
  const V6 = '-t [2001:DB8:0::1]:80'
  const add = { edit: 'add-server', service, server: { address: '2001:db8::5' } } as const
  const cases: [string, Command][] = [
    [
      `-A ${V6} -s rr -p 60 -M 64`,
      edit({
        edit: 'add-service',
        service,
        scheduler: 'rr',
        persistence: 60,
        persistence_prefix: 64,
      }),
    ],
    [`-a ${V6} -r [2001:db8::5]:8080`, edit({ ...add, server: { ...add.server, port: 8080 } })],
    [`-a ${V6} -r [2001:db8::5]`, edit(add)],
    [`-a ${V6} -r 2001:db8:0:0::5`, edit(add)],
    [`-a ${V6} -r 10.0.0.5`, edit({ ...add, server: { address: '10.0.0.5' } })],
    [
      `-P ${V6} -z fd00:0::7 -F int0`,
      edit({ edit: 'add-lip', service, address: 'fd00::7', arm: 'int0' }),
    ],
  ]
  for (const [line, command] of cases) assert.deepEqual(read(line), command, line)
  const listed = read('-lnc --sockpair tcp:[2001:db8:0::2]:1024:[2001:db8::1]:80')
  assert.deepEqual(listed.do === 'list' && listed.conns, {
    protocol: 'tcp',
    client: '[2001:db8::2]:1024',
    vip: '[2001:db8::1]:80',
    one: true,
  })
  const ping = read('-lnc --sockpair icmp:[2001:db8::2]:0:[2001:db8::9]:0')
  const ends = ping.do === 'list' && [ping.conns.protocol, ping.conns.client, ping.conns.vip]
  assert.deepEqual(ends, ['icmp', '[2001:db8::2]:0', '[2001:db8::9]:0'])
  const ofService = read(`-lnc ${V6}`)
  assert.equal(ofService.do === 'list' && ofService.conns.vip, '[2001:db8::1]:80')
})

test('what is none is refused in a line', () => {
  const cases: [string, string][] = [
    ['-A -t [2001:db8::1]', '-t needs a port: [2001:db8::1]:PORT'],
    [
      '-A -t [fe80::1%eth0]:80',
      'expected VIP:PORT, like 192.0.2.1:80 after -t, found "[fe80::1%eth0]:80"',
    ],
    [
      '-A -t [2001:db8::1]:80 -p -M 255.255.255.0',
      'expected a whole number 1-128 after -M, found "255.255.255.0"',
    ],
    [
      '-A -6 -f 1',
      '-6: is for firewall marks, which are not supported; name the service by -t [VIP]:PORT',
    ],
  ]
  for (const [line, message] of cases)
    assert.throws(() => readCommand(words(line)), new CliError(message, 2), line)
})
