/** What a journal has recorded is played again to the same verdicts, frames and counters. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readJournal } from '../../../src/control/journal/format.ts'
import { Journals } from '../../../src/control/journal/journals.ts'
import type { Difference } from '../../../src/control/replay/player.ts'
import { replay } from '../../../src/control/replay/replay.ts'
import { Drop, Event } from '../../../src/engine/counters.ts'
import { FlightRing, Want, wantFlight } from '../../../src/engine/flight.ts'
import { BODY_AT, FlightKind } from '../../../src/engine/flight-records.ts'
import { arenaSlots, Frames } from '../../../src/engine/frames.ts'
import { KeyedIsn } from '../../../src/engine/isn.ts'
import { CLIENT, established, LAN, RS, SYN, WAN } from '../../kit/connection.ts'
import { body, echo, pieces, put, putAll, segment } from '../../kit/fragments.ts'
import { arpFrame, ethernet } from '../../kit/frame.ts'
import { journaled } from '../../kit/journaled.ts'
import { runs } from '../../kit/long.ts'
import { SEED_SEGMENTS, seedConversation } from '../../kit/seed-conversation.ts'
import { Several } from '../../kit/several.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../../kit/stand.ts'
import { tcp } from '../../kit/talk.ts'
import { give, inputOf, type Step, steps, TRAFFIC_CONFIG } from '../../kit/traffic.ts'

const arena = new SharedArrayBuffer(Frames.bytesFor(arenaSlots(2)))

function act(stand: Stand, list: readonly Step[]): void {
  for (const step of list) {
    const input = inputOf(step, stand)
    if (input) give(input, stand)
  }
}

test('the seed replays, and a verdict that is not the recorded one is told with both sides', async () => {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss()
  const journal = readJournal(await journaled([stand], () => seedConversation(stand)))
  const { frames, checks, difference } = replay(journal)
  assert.deepEqual([frames, checks, difference], [SEED_SEGMENTS.length, 1, undefined])

  const [records = []] = journal.records
  const fourth = records.filter(record => record[1] === FlightKind.JUDGED)[3] as Int32Array
  fourth[7] = -Drop.TCP_NO_CONN
  const other = replay(journal)
  assert.equal(other.frames, 4)
  const { frame, what, recorded, replayed } = other.difference as Difference
  assert.equal(frame, 4)
  assert.match(
    what,
    /^frame 4, on dpdk0: IP 202\.108\.10\.2\.33896 > 202\.108\.10\.1\.6379: Flags \[P\.\]/,
  )
  assert.match(recorded, /^dropped, tcp_no_conn; 202\.108\.10\.2:33896 > 202\.108\.10\.1:6379, /)
  assert.match(replayed, /^sent on dpdk1; .*, ESTABLISHED to ESTABLISHED, delta -?\d+$/)
})

test('a journal that begins while an RS is asked for whom a cookie brought, with what is held of him', async () => {
  const stand = new Stand(`${SEED_CONFIG}    syn_proxy: on\n`, undefined, { arena }).resolveRss()
  const [answer] = tcp(stand.segment(WAN, SYN))
  const ack = { ...CLIENT, ack: ((answer?.seq as number) + 1) >>> 0 }
  stand.segment(WAN, ack)
  stand.segment(WAN, { ...ack, flags: 'P.', payload: new Uint8Array(100) })
  const file = await journaled([stand], () => {
    stand.pass(4000)
    assert.equal(stand.segment(LAN, { ...RS, flags: 'S.', seq: 9000 }).length, 2)
    stand.segment(LAN, { ...RS, flags: 'P.', ack: RS.ack + 100, payload: new Uint8Array(9) })
    // And one who is answered by the same key.
    stand.segment(WAN, { ...SYN, src: '202.108.10.3' })
  })
  const { frames, difference, players } = replay(readJournal(file))
  assert.deepEqual([frames, difference], [3, undefined])
  const { events } = (players[0] as (typeof players)[0]).engine.counters
  assert.deepEqual([events[Event.SYN_PROXY_RETRIES], events[Event.SYN_COOKIES_SENT]], [1, 2])
})

test('arms are what their NICs were, of which the config says nothing', async () => {
  const config = SEED_CONFIG.replaceAll(
    /name: dpdk(.)/g,
    'name: dpdk$1\n    mac: 52:54:00:00:07:0$1',
  )
  const stand = new Stand(config, undefined, { arena }).resolveRss()
  const journal = readJournal(await journaled([stand], () => seedConversation(stand)))
  for (const arm of journal.header.config.arms) delete arm.mac
  assert.equal(replay(journal).difference, undefined)
})

test('another frame that leaves, one that does not, and another counter are told', async () => {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss()
  const file = await journaled([stand], () => seedConversation(stand))
  const changed = (kind: number, change: (record: Int32Array) => void) => {
    const journal = readJournal(file)
    const record = journal.records[0]?.find(one => one[1] === kind) as Int32Array
    change(record)
    return replay(journal).difference as Difference
  }
  const seq = changed(FlightKind.OUT, record => {
    record[10 + 16] ^= 0x0100
  })
  assert.match(seq.what, /^what left on dpdk1/)
  assert.notEqual(seq.recorded, seq.replayed)
  const unsent = changed(FlightKind.OUT, record => {
    record[1] = FlightKind.SAID
  })
  assert.equal(unsent.what, 'what left on dpdk1')
  const counter = changed(FlightKind.CHECK, record => {
    new Float64Array(record.buffer, record.byteOffset + BODY_AT * 4, 96)[Event.CONNS_OPENED] = 7
  })
  assert.deepEqual(
    [counter.what, counter.recorded, counter.replayed],
    ['counter conns_opened', '7', '1'],
  )
})

test('a file that is cut anywhere replays as far as it is whole, or says why not', async () => {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss()
  const file = await journaled([stand], () => seedConversation(stand))
  const { frames: all } = replay(readJournal(file))
  let whole = 0
  // The last block is padded to 8 bytes, and whole without them.
  for (let cut = 0; cut <= file.length - 8; cut += 97) {
    try {
      const journal = readJournal(file.subarray(0, cut))
      assert.equal(journal.end, undefined)
      whole++
      if (whole % 8 > 0) continue
      const { difference, frames } = replay(journal)
      assert.equal(difference, undefined)
      assert.ok(frames <= all)
    } catch (error) {
      assert.match(
        (error as Error).message,
        /^is (no journal of tapvs|broken off before its (header|images) ends?)$/,
      )
    }
  }
  assert.ok(whole > 1)
})

test('what is damaged is said to be', async () => {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss()
  const file = await journaled([stand], () => seedConversation(stand))
  file.fill(0xff, 20, 60)
  assert.throws(() => readJournal(file), /^Error: is (damaged: |broken off )/)
})

test('what was written when images were others is not played', async () => {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss()
  const file = await journaled([stand], () => seedConversation(stand))
  file.set(new TextEncoder().encode('tapvsJ1\n'))
  assert.throws(() => readJournal(file), /^Error: is a journal of another version of tapvs$/)
})

test('two workers: what one hears by ARP and what is handed over is in the journal of whom it concerns', async () => {
  const isn = new KeyedIsn(Int32Array.of(1, 2, 3, 4))
  const several = new Several(2, undefined, isn)
  const ports = Array.from({ length: 12 }, (_, i) => 40_000 + i)
  const file = await journaled(several.stands, () => {
    const [first] = several.stands
    const our = { mac: first.macOf(LAN), ip: '192.168.168.3' }
    for (const sport of ports) several.segment(sport % 2, WAN, { ...SYN, sport })
    several.input(0, LAN, arpFrame(2, { mac: RS_MAC, ip: RS.src }, our, our.mac))
    for (const sport of ports) several.segment(1, WAN, { ...SYN, sport, flags: '.', seq: 1001 })
  })
  const journal = readJournal(file)
  const heard = journal.records.map(list => list.filter(one => one[1] === FlightKind.HEARD).length)
  assert.deepEqual(heard, [0, 1])
  const { difference, frames, players } = replay(journal)
  assert.equal(difference, undefined)
  assert.equal(frames, 25)
  assert.equal(
    players.reduce((sum, { engine }) => sum + engine.conns.table.used, 0),
    ports.length,
  )
})

test('any traffic, from the middle on: the same verdicts, frames and counters', async () => {
  await fc.assert(
    fc.asyncProperty(steps(40), steps(60), async (before, after) => {
      const stand = new Stand(TRAFFIC_CONFIG, undefined, { arena })
      act(stand, before)
      const journal = readJournal(await journaled([stand], () => act(stand, after)))
      const { difference, checks } = replay(journal)
      assert.deepEqual(difference, undefined)
      assert.equal(checks, 1)
    }),
    { numRuns: runs(10), endOnFailure: true, includeErrorInReport: true },
  )
})

test('a journal ends when nobody reads it any more, and the recorder is let go', async () => {
  const stand = new Stand(undefined, undefined, { arena }).resolveRss().record()
  let released = 0
  const workers = { images: async () => [{ mark: 1, image: stand.image() }], check: async () => {} }
  const watching = { journal: () => () => void released++ }
  const flights = [stand.flight as NonNullable<typeof stand.flight>]
  const journals = new Journals(workers, flights, watching, () => stand.config)
  const gone = new AbortController()
  const parts: Uint8Array[] = []
  setTimeout(() => gone.abort(), 30)
  for await (const part of journals.record({ bytes: 2 ** 20, signal: gone.signal }))
    parts.push(part)
  assert.equal(readJournal(new Uint8Array(Buffer.concat(parts))).end?.why, 'nobody reads it')
  assert.equal(released, 1)
})

test('a recorder that has gone round ends the journal there, and all before it replays', async () => {
  const cells = 2 ** 15
  const stand = new Stand(undefined, undefined, { arena })
  const flight = { memory: new SharedArrayBuffer(FlightRing.bytesFor(cells)), cells }
  wantFlight(flight.memory, Want.JOURNAL, 160)
  stand.resolveRss().record(1, 1, flight)
  const bytes = await journaled([stand], () => {
    for (let i = 0; i < 2000; i++) stand.segment(WAN, { ...SYN, sport: 10_000 + i })
  })
  const journal = readJournal(bytes)
  assert.equal(journal.end?.lost, true)
  assert.match(journal.end?.why ?? '', /^\d+ records? came faster than could be read$/)
  assert.equal(replay(journal).difference, undefined)
})

test('datagrams in fragments: whole ones, cut ones, one that was begun before, one that never ends', async () => {
  const stand = established()
  const ping = pieces(echo({ bytes: 4000 }), 1500)
  const before = pieces(segment({ ...CLIENT, flags: 'P.', payload: body(1400) }), 576)
  put(stand, before[0])
  const work = () => {
    putAll(stand, before.slice(1))
    putAll(stand, ping.reverse())
    put(stand, pieces(echo({ id: 5 }), 1500)[1])
    // Its checksum is wrong, which is seen of the whole only.
    const spoilt = pieces(echo({ bytes: 2000, id: 6 }), 1500)
    spoilt[1][40] ^= 1
    putAll(stand, spoilt)
    stand.pass(3000)
  }
  const journal = readJournal(await journaled([stand], work))
  const { frames, difference } = replay(journal)
  assert.deepEqual([frames, difference], [8, undefined])
  assert.equal(stand.drops('ICMP_CHECKSUM'), 1)
  assert.equal(stand.drops('FRAGMENT_TIMEOUT'), 1)
})

test('datagrams that the first worker puts together, and another one owns', async () => {
  const several = new Several(3, undefined, new KeyedIsn(Int32Array.of(1, 2, 3, 4)))
  const { stands } = several
  for (const stand of stands) stand.resolveRss()
  const sports = [40_000, 40_001, 40_002, 40_003, 40_004, 40_005]
  const work = () => {
    for (const [id, sport] of sports.entries()) {
      const syn = { ...SYN, sport, payload: body(1000) }
      for (const fragment of pieces(segment(syn, { id }), 576)) {
        const frame = ethernet(stands[0].macOf(WAN), CLIENT_MAC, 0x0800, fragment)
        several.input(id % 3, WAN, frame)
      }
    }
  }
  const journal = readJournal(await journaled(stands, work))
  assert.equal(replay(journal).difference, undefined)
  const opened = stands.map(stand => stand.events('CONNS_OPENED'))
  assert.equal(
    opened.reduce((a, b) => a + b),
    sports.length,
  )
  assert.ok(opened.filter(count => count > 0).length > 1, `${opened}`)
  assert.equal(stands[0].events('REASSEMBLED'), sports.length)
  // As many pieces leave as came, whoever sent them.
  assert.equal(
    stands.reduce((sum, stand) => sum + stand.events('FRAGMENTED'), 0),
    sports.length,
  )
})
