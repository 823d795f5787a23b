/**
 * Steering loses nothing and reorders nothing: under load, with 1, 2, 4 and 7 workers, steered by BPF and by hand-over,
 * the segments of every connection leave one arm in the order in which they came in on the other, each of them. On NICs (veth) the
 * order in which they come in is not seen, and only that none is lost.
 * Holds invariant I17.
 */
// alone: seven workers on two cores

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CIP,
  captured,
  countersOf,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

const folder = scratchFolder()
const lab = labForTests('workers')

const COUNTS = isLong
  ? { bpf: [1, 2, 4, 7], handover: [2, 4, 7] }
  : { bpf: [1, 7], handover: [2, 7] }

/** Of one direction of a connection: flags, sequence number from the first one on, length. */
type Flow = string[]

interface Segment {
  from: string
  to: string
  flags: string
  seq: number | undefined
  length: number
  /** The client's port in hexadecimal, where the TOA option says it. */
  cport: string | undefined
}

function read(line: string): Segment {
  const m = /^(\S+) > (\S+): Flags \[(.*?)\](?:, seq (\d+))?.*, length (\d+)/.exec(line)
  assert.ok(m, `not a segment: ${line}`)
  const [, from = '', to = '', flags = '', seq, length] = m
  return {
    from,
    to,
    flags,
    seq: seq === undefined ? undefined : Number(seq),
    length: Number(length),
    cport: /exp-([0-9a-f]{4})/.exec(line)?.[1],
  }
}

const portOf = (end: string) => Number(end.split('.')[4])

/** Both directions of every connection by the client's port, which `cport` tells from the port beside `own`. */
function flows(
  segments: Segment[],
  own: string,
  cport: (port: number) => number,
): Map<string, Flow> {
  const all = new Map<string, Flow>()
  const first = new Map<string, number>()
  for (const { from, to, flags, seq, length } of segments) {
    const inbound = from.startsWith(own)
    const key = `${inbound ? 'in' : 'out'} ${cport(portOf(inbound ? from : to))}`
    // A port that the client uses again begins anew, on the RS's side as far ahead as the RS asks for.
    const begins = flags.startsWith('S') || !first.has(key)
    if (seq !== undefined && begins) first.set(key, seq)
    const at = seq === undefined ? '' : (seq - (first.get(key) as number)) >>> 0
    const flow = all.get(key) ?? []
    all.set(key, flow)
    flow.push(`${flags} ${at} ${length}`)
  }
  return all
}

async function load(): Promise<void> {
  const bench = ['redis-benchmark', '-h', VIP, '-q', '-t', 'get,set']
  await Promise.all([
    mustClient(lab, [...bench, '-c', '30', '-n', '4000', '-P', '4']),
    mustClient(lab, [...bench, '-c', '20', '-n', '600', '-k', '0']),
    mustClient(lab, [...bench, '-c', '8', '-n', '300', '-d', '30000']),
  ])
}

for (const steering of ['bpf', 'handover'] as const) {
  for (const count of COUNTS[steering]) {
    test(`${count} workers, steering by ${steering}`, async () => {
      const config = labConfig(folder, `${steering}-${count}`, yaml => {
        yaml.set('workers', { count, steering })
      })
      await lab.up({ config })
      const lines = await captured(lab, folder, load, ['-s', '128'])
      // Soon: the short ones go.
      const listed = await mustTapvs(lab, 'ipvsadm', '-ln', '-c')
      const client = lines.client.map(read)
      const rs = lines.rs.map(read)
      const lports = new Map(
        rs.flatMap(({ from, flags, cport }): [number, number][] =>
          flags === 'S' && cport ? [[portOf(from), Number.parseInt(cport, 16)]] : [],
        ),
      )
      const before = flows(client, CIP, port => port)
      const after = flows(rs, LIP, lport => lports.get(lport) ?? -1)
      assert.ok(before.size > 1000, `${before.size} flows`)
      assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort())
      // A cable brings what two processors send in either order, behind the capture and before us.
      const ordered = (flow: Flow = []) => (lab.box === undefined ? flow : flow.toSorted())
      for (const [key, flow] of before)
        assert.deepEqual(ordered(after.get(key)), ordered(flow), key)

      const { drops, events, arms } = await countersOf(lab)
      assert.equal(drops.hand_over_full, 0)
      const share = events.handed_over / arms.reduce((sum, arm) => sum + arm.rx_packets, 0)
      // A program brings all to their owners. Without it (count - 1) of count packets change hands.
      if (steering === 'bpf') assert.equal(share, 0)
      else assert.ok(share > 0.2 && share < 0.98, `${share} handed over`)
      if (count === 1) return
      const workers = new Set([...listed.matchAll(/^\[(\d+)\]/gm)].map(([, worker]) => worker))
      assert.equal(workers.size, count, 'every worker has connections')
    })
  }
}
