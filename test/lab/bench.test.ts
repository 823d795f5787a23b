/** The benchmark in one short round: what it measures with cannot rot unseen. */
// alone: it measures

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Report } from '../../bench/lab/report.ts'
import { Stand } from '../../bench/lab/stand.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { labName, scratchFolder } from '../kit/lab.ts'

const folder = scratchFolder()
const name = labName('bench')
const stand = new Stand(name, folder)
const CONTENDERS = ['tapvs', 'ipv6', 'nat64', 'limit', 'nic', 'redirect']
const stands = CONTENDERS.map(contender => stand.beside(contender))
after(async () => {
  for (const each of stands) await each.down()
})

// Not scripts/bench: it would fetch the peers, and no test needs them.
function bench(words: string): { status: number | null; stdout: string; stderr: string } {
  const argv = ['--name', name, '--out', folder, '--quick', '--rounds', '1', ...words.split(' ')]
  const main = join(CHECKOUT, 'dist', 'bench', 'lab', 'main.js')
  return spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8', timeout: 200_000 })
}

test('tapvs on both kinds of arms, over both families, and the limits are measured and gone', () => {
  const { status, stdout, stderr } = bench(`--only ${CONTENDERS.join()} --rows connections,dns`)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^\d+ x .*Linux .*Node v/)
  const [, targets = ''] = stdout.split('\ntargets\n')
  assert.match(targets, /^ +tapvs : limit >= 1\.00, connections +(not )?met/m)
  assert.match(targets, /^ +ipv6 : tapvs >= 0\.90, connections +(not )?met/m)
  assert.match(targets, /^ +nat64 : tapvs >= 0\.80, connections +(not )?met/m)
  const report = JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8')) as Report
  assert.deepEqual(
    report.rows.map(({ key }) => key),
    ['connections', 'dns'],
  )
  for (const { figures } of report.rows) {
    for (const contender of CONTENDERS) {
      assert.ok((figures[contender]?.median ?? 0) > 1, contender)
    }
  }
  for (const file of ['bench.txt', 'bench.svg']) assert.ok(existsSync(join(folder, file)), file)
  for (const { lab } of stands) assert.equal(lab.exists(), false, lab.name)
})

test('mistakes are one line', () => {
  for (const [words, status, said] of [
    ['--only tapvs,ipvs', 2, /no contender "ipvs"/],
    ['--rows sctp', 2, /no row/],
    ['--rounds 0', 2, /--rounds/],
    ['--fast', 2, /fast/],
    ['--name UPPER', 2, /--name "UPPER"/],
    ['--arms nic', 2, /--arms "nic": use tap or veth/],
  ] as const) {
    const ended = bench(words)
    assert.equal(ended.status, status, words)
    assert.match(ended.stderr, said)
    assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr)
  }
})
