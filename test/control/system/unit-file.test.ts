/** systemd's own judgement of the unit file, and that it grants no more than the daemon needs. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT, TAPVS } from '../../../netns/topology.ts'

const unit = readFileSync(join(CHECKOUT, 'systemd', 'tapvs.service'), 'utf8')

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

function analyze(...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
  assert.equal(error, undefined, 'systemd-analyze is missing: apt-get install systemd')
  return { status, stdout, stderr }
}

test('systemd finds nothing wrong with it, and little exposed', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-unit-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'tapvs.service')
  // The program need not be installed here.
  writeFileSync(file, unit.replace('ExecStart=tapvs ', `ExecStart=${TAPVS} `))
  const { status, stdout, stderr } = analyze('verify', file)
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  // CAP_SYS_ADMIN and the network are what is left of ten points, times ten.
  const review = analyze('security', '--offline=true', '--threshold=21', file)
  assert.equal(review.status, 0, review.stdout)
  const exposed = [...review.stdout.matchAll(/^✗ (\S+)/gm)].map(([, line = '']) => line)
  const page = readFileSync(join(CHECKOUT, 'docs', 'operating.md'), 'utf8').replaceAll('\\|', '|')
  for (const line of exposed)
    assert.match(page, new RegExp(`^\\| \`${escaped(line)}\` \\| 0\\.\\d \\| \\w`, 'm'), line)
  const number = /gives the unit (\d\.\d) of 10/.exec(page)?.[1]
  assert.match(review.stdout, new RegExp(`exposure level for tapvs.service: ${number} `))
})

test('the drop-ins of docs/deploying.md are taken, and one takes CAP_SYS_ADMIN away', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-unit-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'tapvs.service')
  writeFileSync(file, unit.replace('ExecStart=tapvs ', `ExecStart=${TAPVS} `))
  const page = readFileSync(join(CHECKOUT, 'docs', 'deploying.md'), 'utf8')
  const dropIns = [...page.matchAll(/^```ini\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
  assert.equal(dropIns.length, 2)
  const review = () => analyze('security', '--offline=true', file).stdout
  assert.match(review(), /✗ CapabilityBoundingSet=~CAP_SYS_ADMIN/)
  mkdirSync(`${file}.d`)
  for (const [i, text] of dropIns.entries()) writeFileSync(join(`${file}.d`, `${i}.conf`), text)
  const { status, stderr } = analyze('verify', file)
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(review(), /✓ CapabilityBoundingSet=~CAP_SYS_ADMIN/)
  assert.match(review(), /✗ CapabilityBoundingSet=~CAP_BPF/)
  const operating = readFileSync(join(CHECKOUT, 'docs', 'operating.md'), 'utf8')
  const number = /and (\d\.\d) with the \[drop-in\]/.exec(operating)?.[1]
  assert.match(review(), new RegExp(`exposure level for tapvs.service: ${number} `))
})

test('two capabilities, a user that is not root, and a sign of life', () => {
  for (const line of [
    'Type=notify',
    'DynamicUser=yes',
    'CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_ADMIN',
    'AmbientCapabilities=CAP_NET_ADMIN CAP_SYS_ADMIN',
    'ExecReload=/bin/kill -HUP $MAINPID',
  ])
    assert.ok(unit.split('\n').includes(line), line)
  assert.match(unit, /^WatchdogSec=\d+$/m)
})
