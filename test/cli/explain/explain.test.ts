/**
 * The verbs of `tapvs explain` as they print: stories of connections that ran through the engine with the recorder on, the
 * tables of states, refused frames. What they print is in test/goldens, to be read.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { CHECKOUT } from '../../../netns/topology.ts'
import type { EdgeInfo } from '../../../src/api/commands.ts'
import { CliError } from '../../../src/cli/daemon/client.ts'
import {
  nothing,
  recorderText,
  type Told,
  tell,
  toldText,
  tupleOf,
} from '../../../src/cli/explain/conn.ts'
import { dropText, explainDrops } from '../../../src/cli/explain/drop.ts'
import { stateJson, stateText } from '../../../src/cli/explain/state.ts'
import { drops, edges } from '../../../src/control/readings/refusals.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../../kit/connection.ts'
import { frame, packet } from '../../kit/drop.ts'
import { contextOfStand } from '../../kit/explain.ts'
import { RS_MAC, Stand } from '../../kit/stand.ts'
import { playRecorded } from '../../kit/transcript.ts'
import '../../kit/utc.ts'
import { CONN } from '../canned.ts'

const golden = (name: string) => readFileSync(join(CHECKOUT, 'test', 'goldens', name), 'utf8')
const SEED_CLIENT = '202.108.10.2:33896'

const playSeed = (): Stand => playRecorded('seed-client-close', 5, 7)

/** An idle connection, which ends by its timer and RSTs; `rsLives`: the RS answers ARP then. */
function playIdle(rsLives: boolean): Stand {
  const stand = new Stand().resolveRss().record()
  stand.segment(WAN, SYN)
  stand.now += 3
  stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 })
  stand.now += 2
  stand.segment(WAN, CLIENT)
  stand.segment(WAN, { ...CLIENT, flags: 'P.', payload: new Uint8Array(100) })
  stand.pass(60_000)
  if (rsLives) stand.arpReply('192.168.168.2', RS_MAC)
  stand.pass(35_000)
  return stand
}

function told(found: Told | null): Told {
  assert.ok(found)
  return found
}

function story(stand: Stand, ...tuple: string[]): string {
  return toldText(told(tell(tuple, stand.moments(), [], contextOfStand(stand))), '')
}

test('the story of the seed, from whichever end', () => {
  for (const tuple of [[SEED_CLIENT], ['192.168.168.7:1028'], ['202.108.10.1:6379', SEED_CLIENT]]) {
    assert.equal(story(playSeed(), ...tuple), golden('explain-conn-seed.txt'))
  }
})

test('the story of an idle connection tells of both RSTs', () => {
  assert.equal(story(playIdle(true), SEED_CLIENT), golden('explain-conn-idle.txt'))
  assert.match(story(playIdle(false), SEED_CLIENT), /no RST to the real server was seen to leave/)
})

test('the story of a SYN that was refused names the rule', () => {
  const stand = new Stand().resolveRss().record()
  stand.segment(WAN, { ...SYN, dport: 80 })
  assert.equal(story(stand, SEED_CLIENT), golden('explain-conn-refused.txt'))
})

test('a connection that lives: its timer, and what comes then', () => {
  const stand = new Stand().resolveRss().record()
  stand.segment(WAN, SYN)
  const live = {
    ...CONN,
    worker: 1,
    state: 'SYN_RECV' as const,
    client: SEED_CLIENT,
    lip: '192.168.168.7:1025',
  }
  const context = contextOfStand(stand)
  const { stories } = told(tell([SEED_CLIENT], stand.moments(), [live], context))
  assert.equal(stories[0]?.now, 'lives, in SYN_RECV')
  assert.match(
    stories[0]?.end[0] ?? '',
    /^its timer is 30 s, .* so it ends at 1970-01-01T00:17:10\.000000Z if/,
  )
  assert.match(stories[0]?.end[1] ?? '', /nobody is told/)
  assert.match(stories[0]?.why.at(-1)?.[1] ?? '', /has not answered the SYN/)
})

test('without the recorder there is what the live record says, and how to turn it on', () => {
  const context = contextOfStand(new Stand())
  const off = recorderText({ ring: false, bytes: 0 })
  const text = toldText(told(tell([CONN.client], [], [CONN], context)), off)
  assert.match(text, /^202\.108\.10\.2:33896 .* lives, in TIME_WAIT, worker 5; 7 s after its last/)
  assert.match(text, /tapvs capture --ring on/)
})

test('an end that nobody has: what is near, and whom to ask for an lport', () => {
  const stand = playSeed()
  const moments = stand.moments()
  const context = contextOfStand(stand)
  assert.equal(tell(['202.108.10.2:4'], moments, [], context), null)
  assert.equal(
    nothing(['202.108.10.2:4'], moments, [], context),
    'nothing is known of a connection with 202.108.10.2:4; near are 202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1028 192.168.168.2:6379',
  )
  assert.match(nothing(['192.168.168.7:9'], [], [], context), /; tapvs whois 192\.168\.168\.7:9 /)
  assert.match(recorderText({ ring: true, bytes: 8 << 20 }), /8 MiB of each worker.*capture\.size/)
})

test('a port that was used again has two stories', () => {
  const stand = new Stand().resolveRss().record()
  for (let i = 0; i < 5; i++) {
    stand.segment(WAN, SYN)
    stand.segment(WAN, { ...CLIENT, flags: 'R' })
    stand.pass(40_000)
  }
  const found = told(tell([SEED_CLIENT], stand.moments(), [], contextOfStand(stand)))
  assert.equal(found.stories.length, 3)
  assert.deepEqual(found.others, [
    '202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1025 192.168.168.2:6379',
    '202.108.10.2:33896 202.108.10.1:6379 192.168.168.7:1026 192.168.168.2:6379',
  ])
  assert.match(toldText(found, ''), /2 earlier ones; two ends choose among them:/)
})

test('what is no end is told in a line', () => {
  for (const words of [
    ['202.108.10.2'],
    ['x:1'],
    ['1.2.3.4:5', '1.2.3.4:6', '1.2.3.4:7'],
    ['2001:db8::1'],
    ['[2001:db8::1]'],
    ['1.2.3.4:65536'],
  ]) {
    assert.throws(
      () => tupleOf(words),
      (error: CliError) => error instanceof CliError && error.exitCode === 2,
    )
  }
  assert.deepEqual(tupleOf(['1.2.3.4:5', '6.7.8.9:10']), ['1.2.3.4:5', '6.7.8.9:10'])
})

test('ends of IPv6 are asked for in brackets, however they are written', () => {
  assert.deepEqual(tupleOf(['[2001:DB8:0::1]:80']), ['[2001:db8::1]:80'])
  const stand = playRecorded('ipv6-dr')
  const moments = stand.moments()
  const [client = ''] = moments.flatMap(({ conn }) => conn?.client ?? [])
  const found = told(tell(tupleOf([client]), moments, [], contextOfStand(stand)))
  assert.match(
    found.stories[0]?.title ?? '',
    /^\[[\da-f:]+\]:\d+ > \[.*, by DR to the real server \[/,
  )
})

function stateUse(stand: Stand) {
  const { model } = stand
  return {
    edges: edges(model.readings),
    states: model.readings.states(),
    timeouts: model.config.file.tcp.timeouts,
    own: [{ service: '202.108.10.1:6379', protocol: 'tcp', seconds: 300 }],
  }
}

test('the tables of states, with what the seed has used of them', () => {
  assert.equal(stateText(stateUse(playSeed()), { colours: false }), golden('explain-state.txt'))
})

test('with colours the same letters stand in the tables', () => {
  const use = stateUse(playSeed())
  const coloured = stateText(use, { colours: true })
  assert.ok(coloured.includes('\x1b[1;32m'))
  const letters = (text: string) =>
    text
      .split('\n')
      .slice(0, 22)
      .join()
      .match(/[A-Z]{2}/g)
  assert.deepEqual(
    letters(stripVTControlCharacters(coloured)),
    letters(stateText(use, { colours: false })),
  )
})

test('for programs: every cell, whether it can be reached and whether it was used', () => {
  const json = JSON.parse(JSON.stringify(stateJson(stateUse(playSeed()))))
  const cells = json.tables.flatMap(({ rows }: never) =>
    (rows as { cells: unknown[] }[]).flatMap(row => row.cells),
  )
  assert.equal(cells.length, 3 * 5 * 11)
  assert.equal(cells.filter(({ used }: { used: boolean }) => used).length, json.edges.length)
  assert.ok(cells.every(({ used, reachable }: Record<string, boolean>) => reachable || !used))
  assert.deepEqual(json.unreached, ['LAST_ACK', 'LISTEN', 'SYNACK'])
})

test('nothing used and nothing refused is said so', () => {
  const use = { edges: [] as EdgeInfo[], states: {}, timeouts: {}, own: [] }
  assert.match(stateText(use, { colours: false }), /none yet: no connection was opened/)
  assert.equal(dropText([]), 'nothing was refused yet\n')
})

test('refused frames, the newest first, an advice once', () => {
  const stand = new Stand().resolveRss()
  for (const [i, ttl] of [0, 0, 0, 0].entries()) {
    stand.now += 1000
    stand.inputRaw(WAN, frame(packet({ sport: 1000 + i }, { ttl })))
  }
  stand.inputRaw(WAN, frame(packet({ dport: 80 })))
  const asked = (reason?: string) => drops(stand.model, reason)
  const context = contextOfStand(stand)
  assert.equal(dropText(explainDrops(asked(), context, 3)), golden('explain-drops.txt'))
  assert.deepEqual(
    explainDrops(asked('ip_ttl'), context, 8).map(({ count, last }) => [count, last.length]),
    [[4, 4]],
  )
  assert.match(
    dropText(explainDrops(asked('ip_fragment'), context, 3)),
    /nothing was refused for it/,
  )
})
