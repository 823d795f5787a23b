/** Real traffic drawn as it comes, from a capture, and from the flight recorder. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import type { Report } from '../../src/see/analyze/report.ts'
import {
  CIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { printedJson } from '../kit/printed-json.ts'

const folder = scratchFolder()
const config = labConfig(folder, 'off', yaml => yaml.setIn(['capture', 'ring'], false))
const lab = labForTests('ladder', { config })

/** Runs a verb that follows while `work` goes on, until what it has said pleases `enough`. => all of it */
async function following(
  argv: string[],
  work: () => Promise<unknown>,
  enough: (said: string) => boolean,
): Promise<string> {
  const looking = async () => (await ask(lab.paths.socket, { verb: 'recorder' })).followers
  const before = await looking()
  const child = spawn(TAPVS, ['--socket', lab.paths.socket, ...argv])
  const gone = once(child, 'close')
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      said += text
    })
  await until('the recorder to be on', { limitMs: 5000, everyMs: 20 }, async () => {
    if (child.exitCode !== null) throw new Error(said)
    return (await looking()) > before || undefined
  })
  await work()
  await until('all of it', { limitMs: 5000, everyMs: 20 }, () => enough(said) || undefined).finally(
    () => child.kill('SIGINT'),
  )
  assert.deepEqual(await gone, [0, null], said)
  return said
}

const ping = () => mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])

test('without a record the way to one is told', async () => {
  const { code, stderr } = await lab.tapvs(['ladder'])
  assert.deepEqual([code, stderr.split('\n').length], [1, 2])
  assert.match(stderr, /tapvs capture --ring on/)
})

test('packets are drawn as they come', async () => {
  const argv = ['ladder', '--follow', '--plain', '--width', '100', 'vip', `${VIP}:6379`]
  const text = await following(argv, ping, said => said.includes('TIME_WAIT'))
  assert.match(
    text,
    /^ +seconds client +VIP +LIP +RS\n#1 +connection 1 at \d{4}-\d\d-\d\dT\S+(Z|[+-]\d\d:\d\d): TCP client 202/,
  )
  assert.match(
    text,
    /\n#1 +0\.0{6} \|-- S 0 .*>\| SYN_RECV +\|-- S 0 .*->\|\n#1 +\| seq \+\d+, TOA added /,
  )
  assert.match(text, /\* opened, seq \+\d+ towards the RS/)
  assert.match(text, /\n#1 +\d\.\d+ \|<-+ S\. 0 ack 1 .*--\| SYN_RECV +\|<-+ S\. 0 ack 1 /)
  assert.match(text, /-- P\. 1:15 ack 1 len 14 .*>\|ESTABLISHED\|-- P\. 1:15 ack 1 len 14 .*>\|\n/)
  assert.doesNotMatch(text, /arp|ARP|not on record/)
})

test('a capture is drawn as the appliance saw it', async () => {
  const file = join(folder, 'all.pcapng')
  const capture = ['capture', '-w', file]
  await following(
    capture,
    async () => {
      await ping()
      await mustClient(lab, ['bash', '-c', `! timeout 0.3 bash -c ': > /dev/tcp/${VIP}/81'`])
    },
    () => true,
  )
  const text = await mustTapvs(lab, 'ladder', file, '--plain', '--width', '80')
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
  assert.match(
    text,
    /^\nof no connection\n[\s\S]*X\|[\s\S]*from 202\.108\.10\.2:\d+ to 202\.108\.10\.1:81, dropped,[ |\n]+tcp_no_service: TCP to/,
  )
  assert.match(text, /\nconnection 1 at [\s\S]*\|-- F\. 15 ack 8 [\s\S]*\| TIME_WAIT \|/)
  const chosen = await mustTapvs(lab, 'ladder', file, 'drop', '--plain')
  assert.doesNotMatch(chosen, /connection 1/)
  // A file of ours has both arms and one clock: it can be analysed like those of any other balancer.
  const report = printedJson<Report>(await mustTapvs(lab, 'analyze', file, '--json'))
  assert.deepEqual([report.clock.same, report.connections.length], [true, 1])
  assert.deepEqual(report.connections[0]?.toa.names, [report.connections[0]?.client])
  for (const { weight, text } of report.findings) assert.equal(weight, 'note', text)
})

test('what the recorder keeps is drawn', async () => {
  await mustTapvs(lab, 'capture', '--ring', 'on')
  await ping()
  const rows = (await mustTapvs(lab, 'ladder', '--json', 'client', CIP)).trim().split('\n')
  const kinds = rows.map(row => printedJson<{ kind: string }>(row).kind)
  assert.ok(kinds.includes('conn'))
  assert.ok(kinds.filter(kind => kind === 'packet').length >= 9, kinds.join(' '))
})
