/** `tapvs explain` of real redis traffic: the story of a connection, a refused SYN, and what of the tables was used. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../netns/processes.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import type { Told } from '../../src/cli/explain/conn.ts'
import type { ExplainedDrop } from '../../src/cli/explain/drop.ts'
import {
  CIP,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'
import { printedJson } from '../kit/printed-json.ts'

const config = labConfig(scratchFolder(), 'recorded', document => {
  document.setIn(['workers', 'count'], 2)
  document.setIn(['capture', 'ring'], true)
  // Whose end is waited for.
  document.setIn(['tcp', 'timeouts'], { time_wait: 4 })
})
const lab = labForTests('explain', { config })

/** Its ends, by the listing. */
async function newestConn() {
  const { conns } = await ask(lab.paths.socket, { verb: 'conns', from: 0, limit: 1000 })
  const [conn] = conns.filter(({ client }) => client.startsWith(`${CIP}:`))
  assert.ok(conn)
  return conn
}

test('the story of a GET, while it lives and after its end', async () => {
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'set', 'a', 'b']), 'OK\n')
  const { client, lip, rs } = await newestConn()
  const living = await mustTapvs(lab, 'explain', 'conn', client)
  assert.ok(living.startsWith(`${client} > ${VIP}:6379, towards the real server ${lip} > ${rs},`))
  assert.match(living, /lives, in TIME_WAIT/)
  assert.match(living, /chosen by the scheduler wrr: weight 100, the only real server/)
  assert.ok(living.includes(`${lip}: the LIP whose turn it was`))
  assert.match(living, /TOA +\d segments? told the real server of/)
  assert.match(living, /the real server answered after [\d.]+ [mu]?s, the client after/)
  assert.match(living, /NONE -> SYN_RECV, timer 30 s\n {4}client: IP .*Flags \[S\]/)
  assert.match(living, /ESTABLISHED -> CLOSE_WAIT/)
  assert.match(living, /its timer is 4 s/)
  await untilNoConns(lab)
  const ended = await until('the end to be recorded', { limitMs: 3000, everyMs: 100 }, async () => {
    const text = await mustTapvs(lab, 'explain', 'conn', lip, rs)
    return /ended in TIME_WAIT/.test(text) ? text : undefined
  })
  // With a part of a second of its own, and what the wheel adds.
  assert.match(ended, /both ends had closed; (4\.\d|5\.[01])\d s after its last segment/)
  const json = printedJson<Told>(await mustTapvs(lab, 'explain', 'conn', client, '--json'))
  assert.equal(json.stories.length, 1)
  assert.equal(json.stories[0]?.happened.length, 4)
})

test('a SYN to no service: the rule, and what is near when nothing matches', async () => {
  const failed = await lab.client(['timeout', '1', 'redis-cli', '-h', VIP, '-p', '81', 'ping'])
  assert.notEqual(failed.code, 0)
  const text = await mustTapvs(lab, 'explain', 'drop', 'tcp_no_service')
  assert.match(text, /^tcp_no_service, \d+ frames?: /)
  assert.match(text, /rule: destination 202\.108\.10\.1:81 is no service; services are 202/)
  const [drop] = printedJson<ExplainedDrop[]>(
    await mustTapvs(lab, 'explain', 'drop', 'tcp_no_service', '--json', '-n', '1'),
  )
  assert.equal(drop?.last.length, 1)
  assert.match(await mustTapvs(lab, 'explain', 'conn', `${VIP}:81`), /was refused: tcp_no_service/)
  const nobody = await lab.tapvs(['explain', 'conn', `${LIP}:1`])
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, new RegExp(`near are .* ${RIP}:6379; tapvs whois ${LIP}:1 `))
})

test('the tables are marked with what redis has used', async () => {
  const text = await mustTapvs(lab, 'explain', 'state')
  assert.match(text, /\n {2}fin +\(CL\) +CW\*/)
  assert.match(text, /in {2}syn {2}NONE -> SYN_RECV +SYN from the client at /)
  assert.match(text, /ES ESTABLISHED +\d+ +90 s/)
})
