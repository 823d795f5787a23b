/** The history's file with real daemons: over a stop, over kill -9, on a disk that is full. */

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { keeperPid, killDaemon, lostDaemons } from '../../netns/appliance.ts'
import { run, until } from '../../netns/processes.ts'
import { LPORT_FIRST } from '../../src/engine/sa-pool.ts'
import { CIP, LIP, labForTests, mustClient, scratchFolder, untilNoConns, VIP } from '../kit/lab.ts'
import { hold, iso, OTHER, only, portOf, seenByRs, whois, whoisConfig } from '../kit/whois.ts'

const folder = scratchFolder()
const file = join(folder, 'var', 'history.sqlite')
const config = whoisConfig(folder, 'whois', file)
const lab = labForTests('history', { config, clients: 2 })

test('the same lport of another client after a restart; what lived at the stop; kill -9', async () => {
  // The pools begin anew with each daemon: worker 0 hands out the first even lport, to this one and to the one below.
  const lip = `${LIP}:${LPORT_FIRST + 1}`
  const first = portOf(CIP, 0, 43_000)
  const held = await hold(lab, CIP, first)
  assert.equal((await seenByRs(lab)).get(`c${first}`), lip)
  const firstTime = Date.now()
  await stop('SIGTERM')
  await held.end()

  await lab.down()
  await lab.up({ config, clients: 2 })
  const second = portOf(OTHER, 0, 44_000)
  const again = await hold(lab, OTHER, second)
  assert.equal((await seenByRs(lab)).get(`c${second}`), lip)
  const secondTime = Date.now()
  assert.equal(only(await whois(lab, lip)).client, `${OTHER}:${second}`)
  const stopped = only(await whois(lab, `${lip}@${iso(firstTime)}`))
  assert.deepEqual([stopped.client, stopped.ended?.how], [`${CIP}:${first}`, 'stopped'])
  assert.equal(only(await whois(lab, `${lip}@${iso(secondTime)}`)).client, `${OTHER}:${second}`)
  await again.end()
  await untilNoConns(lab)
  assert.equal(only(await whois(lab, `${lip}@${iso(secondTime)}`)).ended?.how, 'fin_client')
  // The file hears of it within a second, and of nothing more.
  await pause(1300)
  await stop('SIGKILL')
  await lab.down()

  const offline = (at: number) => whois(lab, `${lip}@${iso(at)}`, '--file', file)
  assert.equal(only(await offline(firstTime)).client, `${CIP}:${first}`)
  assert.deepEqual((await offline(firstTime)).gaps, [])
  const killed = await offline(secondTime)
  assert.equal(only(killed).client, `${OTHER}:${second}`)
  assert.deepEqual(
    killed.gaps.map(({ why }) => why),
    ['unfinished'],
  )
})

async function stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const pid = keeperPid(lab.paths)
  assert.ok(pid)
  if (signal === 'SIGKILL') killDaemon(lab.paths)
  else process.kill(pid, signal)
  const left = () => [keeperPid(lab.paths), ...lostDaemons(lab.paths)].filter(Boolean)
  await until('its end', { limitMs: 5000 }, () => left().length === 0 || undefined)
}

test('a disk that is full: one line, and it balances and remembers', async () => {
  const place = join(folder, 'disk')
  mkdirSync(place)
  const mounted = await run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', place])
  assert.equal(mounted.code, 0, mounted.stderr)
  try {
    await lab.down()
    await lab.up({ config: whoisConfig(folder, 'small', join(place, 'history.sqlite')) })
    await mustClient(lab, ['redis-benchmark', '-q', '-h', VIP, '-k', '0', '-n', '500', '-t', 'set'])
    await untilNoConns(lab)
    const said = () => readFileSync(lab.paths.log, 'utf8').match(/^HISTORY: .*/gm) ?? []
    await until('the line', { limitMs: 5000 }, () => said().length > 0 || undefined)
    assert.match(
      said().join('\n'),
      /^HISTORY: cannot write \S+: the disk is full; the file is tried again$/,
    )
    assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'ping']), 'PONG\n')
    // It goes on in memory, as far as that reaches back.
    const { last } = await whois(lab, `${LIP}:${LPORT_FIRST}`)
    assert.equal(last?.lip, `${LIP}:${LPORT_FIRST}`)
    assert.deepEqual(
      (await whois(lab, `${last.lip}@1971-01-01T00:00Z`)).gaps.map(({ why }) => why),
      ['unknown'],
    )
  } finally {
    await lab.down()
    await run(['umount', place])
  }
})
