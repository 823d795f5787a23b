/** Medians, ratios and verdicts from made-up samples, and what is shown of them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { svg } from '../../bench/chart.ts'
import { barChart } from '../../bench/lab/bars.ts'
import { tapvsConfig } from '../../bench/lab/contenders.ts'
import { allLoads } from '../../bench/lab/loads.ts'
import { type Facts, makeReport } from '../../bench/lab/report.ts'
import { ROWS } from '../../bench/lab/rows.ts'
import type { Samples } from '../../bench/lab/run.ts'
import { WAYS } from '../../bench/lab/stand.ts'
import { TARGETS, type Target } from '../../bench/lab/targets.ts'
import { reportText, short } from '../../bench/lab/text.ts'
import { parseConfig } from '../../src/config/config.ts'

const facts: Facts = {
  machine: '2 x made-up CPU, 1 GiB, Linux 0.0',
  date: '2020-02-02',
  rounds: 3,
  seconds: 2,
  otherLoad: 0.03,
  contenders: [
    { name: 'tapvs', title: 'ours' },
    { name: 'limit', title: 'nothing but frames' },
    { name: 'nic', title: 'ours on cables' },
    { name: 'nat', title: 'the kernel' },
  ],
  rows: ROWS.filter(({ key }) => ['get-1', 'to-1', 'p99'].includes(key)),
  loads: [{ key: 'get-1', unit: 'M requests' }],
}

const samples: Record<string, Samples> = {
  tapvs: {
    rows: { 'get-1': [100, 120, 110], 'to-1': [8, 8, 8], p99: [210, 205, 300] },
    cpu: { 'get-1': [{ machine: 18, own: 5 }] },
  },
  limit: {
    rows: { 'get-1': [100, 110, 100], 'to-1': [10, 10, 10], p99: [200, 200, 200] },
    cpu: { 'get-1': [{ machine: 20, own: 4 }] },
  },
  nic: {
    rows: { 'get-1': [132, 132, 130], 'to-1': [6, 6, 6], p99: [220, 220, 220] },
    cpu: { 'get-1': [{ machine: 19, own: 6 }] },
  },
  nat: {
    rows: { 'get-1': [137.5, 137.5, 137.5], 'to-1': [16, 16, 16], p99: [100, 100, 100] },
    cpu: { 'get-1': [{ machine: 16, own: null }] },
  },
}

const report = makeReport(facts, samples)
const ratioOf = (row: string, against: string, subject = 'tapvs') =>
  report.ratios.find(
    ratio => ratio.row === row && ratio.subject === subject && ratio.against === against,
  )

test('medians and spreads', () => {
  const [get] = report.rows
  assert.equal(get?.figures.tapvs?.median, 110)
  assert.equal(get?.figures.tapvs?.spread, 20 / 110)
  assert.deepEqual(report.cpu[0]?.figures.nat, { machine: 16, own: null })
})

test('ratios are those of medians; their range is that of rounds', () => {
  assert.equal(ratioOf('get-1', 'limit')?.ratio, 1.1)
  assert.deepEqual(ratioOf('get-1', 'limit')?.range, [1, 1.1])
  assert.deepEqual(ratioOf('get-1', 'limit')?.target, { bound: 1, met: true })
  assert.deepEqual(ratioOf('to-1', 'limit')?.target, { bound: 1, met: false })
  assert.deepEqual(ratioOf('get-1', 'nat')?.target, { bound: 0.8, met: true })
})

test('tapvs on NICs is compared with all, and with itself on TAPs', () => {
  assert.equal(ratioOf('get-1', 'tapvs', 'nic')?.ratio, 1.2)
  assert.deepEqual(ratioOf('to-1', 'tapvs', 'nic')?.target, { bound: 0.8, met: false })
  assert.deepEqual(ratioOf('get-1', 'nat', 'nic')?.target, { bound: 0.9, met: true })
  assert.equal(ratioOf('get-1', 'limit', 'nic')?.target, undefined, 'nothing was promised')
})

test('a latency is to be at most the bound', () => {
  assert.deepEqual(ratioOf('p99', 'limit')?.target, { bound: 1.05, met: true })
  assert.equal(ratioOf('p99', 'nat')?.target, undefined, 'nothing was promised')
})

test('the targets', () => {
  const words = (target: Target) =>
    `${target.subject} ${target.against} ${target.row.key} ${target.bound}`
  const bounds = TARGETS.map(words)
  for (const target of [
    'tapvs limit get-1 1',
    'tapvs limit p99 1.05',
    'tapvs haproxy set-64k 1.05',
    'tapvs nginx to-8 1.4',
    'tapvs nat set-1k 0.8',
    'tapvs nat from-1 0.75',
    'tapvs nat connections 1.15',
    'nic tapvs from-8 0.8',
    'nic nat get-1 0.9',
    'nic nat connections 0.95',
    'nic haproxy set-1k 1',
    'nic nginx connections 1',
    'ipv6 tapvs connections 0.9',
    'nat64 tapvs get-16 0.8',
  ])
    assert.ok(bounds.includes(target), target)
  const places = TARGETS.map(({ subject, against, row }) => `${subject} ${against} ${row.key}`)
  assert.equal(new Set(places).size, TARGETS.length)
})

test('every row is a figure of one load', () => {
  const given = allLoads().flatMap(({ rows }) => rows)
  assert.deepEqual(
    given,
    ROWS.map(({ key }) => key),
  )
})

test('the text', () => {
  const text = reportText(report)
  const line = (words: RegExp) => text.split('\n').find(row => words.test(row)) ?? ''
  assert.match(line(/made-up CPU/), /^2 x made-up CPU/)
  assert.match(text, /3 rounds, 2 s a measurement, other load on the CPUs up to 3%/)
  assert.match(line(/GET, pipeline 1 +req/), /110 \(18%\) +100 \(10%\) +132 \(2%\) +138 \(0%\)/)
  assert.match(
    line(/get-1 +M requests/),
    /18\.0 \/ 5\.00 +20\.0 \/ 4\.00 +19\.0 \/ 6\.00 +16\.0 \/ -/,
  )
  assert.match(line(/GET, pipeline 1 +> 1/), /1\.10 \(1\.00\.\.1\.10\) +0\.83 .* 0\.80 /)
  assert.match(text, /\n *nic : each, ratios of the medians/)
  assert.match(line(/nic : tapvs >= 0\.80, bulk/), /not met +to-1 0\.75/)
  assert.match(line(/limit >= 1\.00, bulk/), /not met +to-1 0\.80/)
  assert.match(line(/limit <= 1\.05, p99/), /\bmet +p99 1\.05/)
  assert.doesNotMatch(text, /NaN|undefined/)
})

test('without tapvs, or without the limit, there is still a report', async () => {
  for (const left of ['limit', 'tapvs']) {
    const contenders = facts.contenders.filter(({ name }) => name === left)
    const alone = makeReport({ ...facts, contenders }, samples)
    assert.deepEqual(alone.ratios, [])
    assert.doesNotMatch(reportText(alone), /NaN|undefined|target/)
    assert.match(await svg(barChart(alone)), /1 = \w+|= 1/)
  }
})

test('the chart names contenders and rows', async () => {
  const drawn = await svg(barChart(report))
  for (const words of ['nat', 'redis GET, pipeline 1', '8.00 Gbit/s', 'less is better']) {
    assert.ok(drawn.includes(words), words)
  }
})

test('figures have three digits', () => {
  const shown = [1_430_000, 121_400, 14_120, 3964, 643, 33.9, 9, 0.405].map(short)
  assert.deepEqual(shown, ['1.43 M', '121 k', '14.1 k', '3964', '643', '33.9', '9.00', '0.405'])
})

test("tapvs's config is right and has a service for each load", () => {
  for (const way of ['ipv4', 'ipv6', 'nat64'] as const) {
    const { vip, rip, lips } = WAYS[way]
    const { services, arms } = parseConfig(tapvsConfig(1, way), 'bench.yaml')
    assert.deepEqual(
      services.map(({ address, port, realServers }) => [address, port, realServers[0]?.address]),
      [6379, 5201, 5300].map(port => [vip, port, rip]),
    )
    assert.deepEqual(arms[1]?.localAddresses, lips)
  }
})
