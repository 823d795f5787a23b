/** `tapvs analyze` and `tapvs ladder` on files: what they print, and that bad files are one line. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Finished } from '../../../netns/processes.ts'
import { CHECKOUT } from '../../../netns/topology.ts'
import type { Report } from '../../../src/see/analyze/report.ts'
import { arpFrame } from '../../kit/frame.ts'
import { inside } from '../../kit/inside.ts'
import { pcapOf, seedCaptures } from '../../kit/pcap.ts'
import { printedJson } from '../../kit/printed-json.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-analyze-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const seed = seedCaptures()
const client = file('client.pcap', seed.client)
const rs = file('rs.pcap', seed.rs)

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

function tapvs(...argv: string[]): Promise<Finished> {
  return inside(['--utc', ...argv])
}

test("the seed's captures, as people are told", async () => {
  const { code, stdout, stderr } = await tapvs(
    'analyze',
    client,
    rs,
    '--ladder',
    '--plain',
    '--width',
    '80',
  )
  assert.equal(code, 0, stderr)
  const expected = join(CHECKOUT, 'test', 'cli', 'analyze', 'seed-analysis.txt')
  assert.equal(stdout, readFileSync(expected, 'utf8'))
})

test('and as programs are', async () => {
  const { stdout } = await tapvs('analyze', client, rs, '--json')
  const report = printedJson<Report>(stdout)
  assert.equal(report.connections[0]?.lip, '192.168.168.7:1028')
  assert.equal(report.connections[0]?.client_delta, 3_107_328_973)
  assert.ok(Math.abs(report.clock.offset - 12.7) <= (report.clock.bound ?? 0))
  assert.deepEqual(report.findings, [])
})

test('files that are of no use are told in one line', async () => {
  const arp = { mac: '52:54:00:00:00:01', ip: '10.0.0.1' }
  const none = pcapOf([{ atUs: 1, frame: arpFrame(1, arp, arp, 'ff:ff:ff:ff:ff:ff') }])
  const cases: [string[], RegExp][] = [
    [['analyze', join(folder, 'absent.pcap')], /absent\.pcap: no such file$/],
    [['analyze', file('text.pcap', 'no capture, but text')], /^tapvs: text\.pcap: no capture file/],
    [['analyze', client, file('empty.pcap', '')], /^tapvs: empty\.pcap: no capture file/],
    [['analyze', file('arp.pcap', none)], /arp\.pcap has no TCP in its 1 packet$/],
    [['analyze', folder], /EISDIR/],
    [
      ['analyze', file('wifi.pcap', pcapOf([{ atUs: 1, frame: new Uint8Array(80) }], 105))],
      /wifi\.pcap is of link type 105 \(IEEE 802\.11\), which is not read; Ethernet, cooked/,
    ],
    [['ladder', client], /client\.pcap has no notes of tapvs capture/],
    [['ladder', join(folder, 'absent.pcapng')], /absent\.pcapng: no such file$/],
    [['ladder', file('text.pcapng', 'text')], /text\.pcapng: no capture file/],
  ]
  for (const [argv, said] of cases) {
    const { code, stdout, stderr } = await tapvs(...argv)
    assert.deepEqual([code, stdout], [1, ''], argv.join(' '))
    assert.match(stderr.trimEnd(), said)
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
  }
})

test('wrong words have exit code 2', async () => {
  for (const [argv, said] of [
    [['ladder', 'state', 'NOWHERE'], /filter/],
    [['ladder', '--follow', client], /--follow/],
    [['ladder', '--width', 'wide'], /--width/],
    [['analyze'], /expected more arguments/],
  ] as const) {
    const { code, stderr } = await tapvs(...argv)
    assert.equal(code, 2, stderr)
    assert.match(stderr, said)
  }
})

test('a file that ends in the midst of a packet is analysed up to there', async () => {
  const cut = file('cut.pcap', seed.client.subarray(0, seed.client.length - 10))
  const { code, stdout } = await tapvs('analyze', cut, rs)
  assert.equal(code, 0)
  assert.match(stdout, /note {2}cut\.pcap: the file ends in the midst of the packet/)
})
