/**
 * Arms that are TAPs and arms that are NICs: what tells most, on both kinds. The seed's conversation is the same packet by packet;
 * redis works and counts no drop; files arrive whole, in frames of 64 KiB, and with loss, which SACK repairs.
 */
// alone: bulk on two cores, with loss

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { ARMS, type Arms, SIDES, type Side } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { BULK_SERVICES, randomFile, transfer, WIRE_FRAME } from '../kit/bulk.ts'
import {
  captured,
  countersOf,
  type Lines,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { read } from '../kit/tcpdump-line.ts'

const MIB = 48
/** Of frames, on the way in at both ends. */
const LOSS_PERCENT = 2
const SEED = 'get set testclienthhhhhhhhhh testclienthhhhhhhhhh'.split(' ')
/** The RS may acknowledge the request alone or with its answer: the kernel's choice, usually alone. */
const SEED_PACKETS = 10
const TRIES = 5

const folder = scratchFolder()
const config = labConfig(folder, 'arms', yaml => {
  for (const service of BULK_SERVICES) yaml.addIn(['services'], yaml.createNode(service))
})
const labs = {} as Record<Arms, Lab>
for (const arms of ARMS) labs[arms] = labForTests(`arms-${arms}`, { config }, arms)

/** What both sides saw and the log said, without what is another number in each conversation. */
async function seedOn(lab: Lab): Promise<string[]> {
  await mustTapvs(lab, 'log', 'level', 'debug')
  for (let tries = 1; tries <= TRIES; tries++) {
    const start = Buffer.byteLength(logSince(lab.paths, 0))
    const lines = await captured(lab, folder, async () => {
      const reply = await mustClient(lab, ['redis-cli', '-h', VIP, ...SEED])
      assert.match(reply, /^ERR wrong number of arguments for 'get' command/)
    })
    if (lines.client.length !== SEED_PACKETS) continue
    const log = () => logSince(lab.paths, start).trimEnd().split('\n')
    const looks = () => log().filter(line => line.includes('conn lookup')).length
    await until('the log', { limitMs: 3000 }, () => looks() >= SEED_PACKETS || undefined)
    const conns = await mustTapvs(lab, 'ipvsadm', '-ln', '-c')
    const [port = ''] = /\d+$/.exec(read(lines.client[0] as string).from) ?? []
    const [lport = ''] = /192\.168\.168\.7:(\d+) fetched/.exec(log().join('\n'))?.slice(1) ?? []
    const [conn = ''] = conns.split('\n').filter(line => line.includes(`:${port} `))
    const plain = (text: string) =>
      text
        .replaceAll(new RegExp(`(?<=[.:])${port}\\b *`, 'g'), 'CPORT ')
        .replaceAll(`exp-${Number(port).toString(16).padStart(4, '0')}`, 'exp-CPORT')
        .replaceAll(new RegExp(`(?<=[.:])${lport}\\b`, 'g'), 'LPORT')
        .replaceAll(/TS val \d+ ecr/g, 'TS val N ecr')
    return [...SIDES.flatMap(side => relative(lines, side)), ...log(), conn].map(plain)
  }
  throw new Error(`${TRIES} conversations, and none has ${SEED_PACKETS} packets`)
}

/** Sequence numbers from the first one of their sender on. */
function relative(lines: Lines, side: Side): string[] {
  const segments = lines[side].map(read)
  const first = new Map<string, number>()
  for (const { from, seq } of segments) if (!first.has(from)) first.set(from, seq)
  const less = (n: number, end: string) => (n === 0 ? 0 : (n - (first.get(end) ?? 0)) >>> 0)
  return segments.map(segment => {
    const { from, to, seq, end, ack } = segment
    return JSON.stringify({
      ...segment,
      seq: less(seq, from),
      end: less(end, from),
      ack: less(ack, to),
    })
  })
}

test("the seed's conversation is the same on both kinds: every packet of both sides, the log and the listing", async () => {
  const [onTap, onVeth] = [await seedOn(labs.tap), await seedOn(labs.veth)]
  assert.ok(onTap.length > 3 * SEED_PACKETS, onTap.join('\n'))
  assert.deepEqual(onVeth, onTap)
  for (const arms of ARMS) await mustTapvs(labs[arms], 'log', 'level', 'info')
})

for (const arms of ARMS) {
  const lab = labs[arms]
  const file = join(folder, arms)

  test(`${arms}: the everyday work of redis, and no frame is dropped`, async () => {
    const words = '-c 20 -n 2000 --csv'
    for (const size of ['-d 3 -t ping,set,get,incr,lpush,mset', '-d 4000 -P 16 -t set,get']) {
      const argv = ['redis-benchmark', '-h', VIP, ...words.split(' '), ...size.split(' ')]
      assert.match(await mustClient(lab, argv), /^"GET","\d/m)
    }
    const value = 'tapvs'.repeat(100_000)
    await mustClient(lab, ['redis-cli', '-h', VIP, '-x', 'set', 'big'], value)
    assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'get', 'big']), `${value}\n`)
    const { drops } = await countersOf(lab)
    const dropped = Object.entries(drops).filter(([, count]) => count !== 0)
    assert.deepEqual(dropped, [])
  })

  test(`${arms}: ${MIB} MiB each way at once, in frames larger than the wire's`, async () => {
    await randomFile(lab, file, MIB)
    const average = await transfer(lab, file)
    for (const side of SIDES) assert.ok(average[side] > WIRE_FRAME, `${side}: ${average[side]}`)
  })

  test(`${arms}: ${LOSS_PERCENT} % loss at both ends is repaired by SACK`, async () => {
    const rules = `table ip loss {
      chain in {
        type filter hook input priority filter
        ip protocol tcp numgen random mod 100 < ${LOSS_PERCENT} drop
      }
    }`
    for (const side of SIDES) {
      const { code, stderr } = await lab[side](['nft', '-f', '-'], { input: rules })
      assert.equal(code, 0, stderr)
    }
    await transfer(lab, file)
    for (const side of SIDES) {
      const { stdout } = await lab[side](['nstat', '-az', 'TcpExtTCPSackRecovery'])
      const repairs = Number(/TCPSackRecovery +(\d+)/.exec(stdout)?.[1])
      assert.ok(repairs > 0, `${side}: ${stdout}`)
      await lab[side](['nft', 'delete', 'table', 'ip', 'loss'])
    }
  })
}
