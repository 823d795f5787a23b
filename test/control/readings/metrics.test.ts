import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { metricsText } from '../../../src/control/readings/metrics.ts'
import { COUNTERS, NUMBERS } from '../../cli/canned.ts'
import { readExposition } from '../../kit/exposition.ts'

const text = metricsText(NUMBERS)

test('the page is good text format, with good names', () => {
  const families = readExposition(text)
  assert.ok(families.size > 25, `${families.size} families`)
})

test('labels say which service, real server, arm, worker and reason', () => {
  for (const sample of [
    'tapvs_build_info{version="0.1.0",node="v20.20.2"} 1',
    'process_start_time_seconds 1790000000',
    'tapvs_service_info{vip="202.108.10.1",vport="6379",protocol="TCP",scheduler="wrr"} 1',
    'tapvs_service_syn_proxy_workers{vip="202.108.10.1",vport="6379",protocol="TCP"} 0',
    'tapvs_rs_connections_opened_total{vip="202.108.10.1",vport="6379",protocol="TCP",rs="192.168.168.2:6379"} 1',
    'tapvs_rs_bytes_total{vip="202.108.10.1",vport="6379",protocol="TCP",rs="192.168.168.2:6379",direction="out"} 222',
    'tapvs_lip_lports_free{lip="192.168.168.7",arm="int0"} 903151',
    'tapvs_arm_receive_bytes_total{arm="ext0",worker="1"} 420',
    'tapvs_arm_up{arm="int0"} 0',
    'tapvs_drops_total{reason="no_buffer",worker="1"} 3',
    'tapvs_events_total{event="toa_added",worker="1"} 3',
    'tapvs_connections{protocol="TCP",state="time_wait",worker="1"} 1',
    'tapvs_connections{protocol="UDP",state="udp_normal",worker="1"} 0',
    'tapvs_neighbours{state="send",worker="1"} 1',
  ]) {
    assert.ok(text.includes(`\n${sample}\n`), sample)
  }
})

test('handshakes are a histogram in seconds', () => {
  const family = readExposition(text).get('tapvs_handshake_seconds')
  const client = family?.samples.filter(({ labels }) => labels.by === 'client') ?? []
  const [first, second] = client
  assert.deepEqual([first?.labels.le, first?.value], ['0.001', 0])
  assert.deepEqual([second?.labels.le, second?.value], ['0.002', 1])
  assert.equal(client.find(({ name }) => name.endsWith('_sum'))?.value, 0.002)
})

test('several workers stand side by side', () => {
  const two = { ...NUMBERS, workers: [1, 2].map(worker => ({ worker, counters: COUNTERS })) }
  const families = readExposition(metricsText(two))
  const up = families.get('tapvs_arm_receive_bytes_total')?.samples ?? []
  assert.deepEqual(
    up.map(({ labels }) => labels),
    [1, 2].flatMap(worker => ['ext0', 'int0'].map(arm => ({ arm, worker: String(worker) }))),
  )
})

test('without services there are no families of services', () => {
  const families = readExposition(metricsText({ ...NUMBERS, services: [], addresses: [] }))
  assert.deepEqual(
    [...families.keys()].filter(name => /_(rs|service|lip)_/.test(name)),
    [],
  )
})

test('a name with quotes and backslashes is escaped', () => {
  const arms = COUNTERS.arms.map(arm => ({ ...arm, name: 'a"b\\c' }))
  const odd = { ...NUMBERS, workers: [{ worker: 1, counters: { ...COUNTERS, arms } }] }
  assert.ok(metricsText(odd).includes('arm="a\\"b\\\\c"'))
})

test('docs/numbers.md has every metric with its type and its labels', () => {
  const docs = readFileSync(join(CHECKOUT, 'docs', 'numbers.md'), 'utf8')
  for (const { name, type, samples } of readExposition(text).values()) {
    const labels = Object.keys(samples[0]?.labels ?? {}).filter(label => label !== 'le')
    const row = `| ${[name, type, labels.join(', ')].join(' | ')} |`.replace('|  |', '| |')
    assert.ok(docs.includes(`\n${row}\n`), row)
  }
})
