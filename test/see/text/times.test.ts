/** Times as text and back, in zones of whole, half and quarter hours, and where clocks are set forward and back. */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  clockOf,
  clockText,
  instant,
  instantText,
  offsetText,
  timeText,
  toldTime,
} from '../../../src/see/text/times.ts'

const before = process.env.TZ
after(() => {
  if (before === undefined) delete process.env.TZ
  else process.env.TZ = before
})

const ZONES = [
  ...['UTC', 'Europe/Berlin', 'Europe/London', 'America/New_York', 'Asia/Kolkata', 'Asia/Shanghai'],
  ...['Asia/Kathmandu', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Chatham', 'Etc/GMT+12'],
]

function inZone(zone: string, run: () => void): void {
  process.env.TZ = zone
  run()
}

/** 2026-11-23 11:03:11.214567 UTC, and a day in July. */
const AT = Date.UTC(2026, 10, 23, 11, 3, 11, 214) * 1000 + 567
const JULY = Date.UTC(2026, 6, 1) * 1000

test('local time has its offset, UTC a Z', () => {
  const told: [zone: string, text: string, inJuly: string][] = [
    ['UTC', '2026-11-23T11:03:11.214567Z', 'Z'],
    ['Europe/London', '2026-11-23T11:03:11.214567Z', '+01:00'],
    ['Europe/Berlin', '2026-11-23T12:03:11.214567+01:00', '+02:00'],
    ['America/New_York', '2026-11-23T06:03:11.214567-05:00', '-04:00'],
    ['Asia/Kolkata', '2026-11-23T16:33:11.214567+05:30', '+05:30'],
    ['Asia/Kathmandu', '2026-11-23T16:48:11.214567+05:45', '+05:45'],
    ['America/St_Johns', '2026-11-23T07:33:11.214567-03:30', '-02:30'],
    ['Pacific/Chatham', '2026-11-24T00:48:11.214567+13:45', '+12:45'],
  ]
  for (const [zone, text, inJuly] of told) {
    inZone(zone, () => {
      assert.equal(instantText(AT), text)
      assert.equal(clockText(AT), text.slice(11))
      assert.equal(instantText(AT, 3), text.replace('214567', '214'))
      assert.equal(clockText(AT, 0), text.slice(11).replace('.214567', ''))
      assert.deepEqual([offsetText(AT), offsetText(JULY)], [text.slice(26), inJuly])
    })
  }
})

test('whatever is printed is read, to the µs, in any zone and by whoever is in another one', () => {
  const us = fc.integer({ min: Date.UTC(2020, 0) * 1000, max: Date.UTC(2030, 0) * 1000 })
  const past = fc.integer({ min: 0, max: 80_000_000_000 })
  const zone = fc.constantFrom(...ZONES)
  fc.assert(
    fc.property(us, past, zone, zone, (at, ago, here, there) => {
      // Read when at least the ms is over.
      const nowMs = Math.ceil((at + ago) / 1000)
      let texts: string[] = []
      inZone(here, () => {
        const whole = instantText(at)
        texts = [whole, whole.replace('T', ' '), timeText(at, nowMs * 1000), clockText(at)]
      })
      inZone(there, () => {
        for (const text of texts)
          assert.deepEqual(toldTime(text, nowMs), { us: at, lastsUs: 1 }, text)
      })
    }),
    { numRuns: 2000 },
  )
})

test('the date is left out of the same day only', () => {
  inZone('Asia/Kolkata', () => {
    const midnight = new Date(2026, 10, 23).getTime() * 1000
    assert.equal(timeText(midnight, midnight + 3600e6, 0), '00:00:00+05:30')
    assert.equal(timeText(midnight - 1, midnight, 6), '2026-11-22T23:59:59.999999+05:30')
    assert.equal(timeText(midnight, midnight + 86_400e6, 0), '2026-11-23T00:00:00+05:30')
  })
})

test('when clocks are set back, an offset says which of the two hours; without one it is the first', () => {
  // By an hour at 01:00 UTC; by half an hour at 15:00 UTC of the day before.
  const cases = [
    {
      zone: 'Europe/Berlin',
      text: '2026-10-25T02:30:00',
      offsets: ['+02:00', '+01:00'],
      first: Date.UTC(2026, 9, 25, 0, 30),
      minutes: 60,
    },
    {
      zone: 'Australia/Lord_Howe',
      text: '2026-04-05T01:45:00',
      offsets: ['+11:00', '+10:30'],
      first: Date.UTC(2026, 3, 4, 14, 45),
      minutes: 30,
    },
  ]
  for (const { zone, text, offsets, first, minutes } of cases) {
    inZone(zone, () => {
      const both = [first, first + minutes * 60_000]
      for (const [k, ms] of both.entries()) {
        const told = `${text}${offsets[k]}`
        assert.equal(instantText(ms * 1000, 0), told)
        assert.equal(instant(told)?.us, ms * 1000)
        assert.equal(toldTime(told.slice(11), ms + 60_000)?.us, ms * 1000)
      }
      assert.equal(instant(text)?.us, first * 1000)
      assert.equal(clockOf(text.slice(11), first + 7_200_000)?.us, first * 1000)
    })
  }
})

test('an hour that is left out is no time; its clock means that of the day before', () => {
  inZone('Europe/Berlin', () => {
    assert.equal(instant('2026-03-29T02:30'), null)
    assert.equal(instant('2026-03-29T03:00')?.us, Date.UTC(2026, 2, 29, 1) * 1000)
    assert.equal(instant('2026-03-29T02:30+01:00')?.us, Date.UTC(2026, 2, 29, 1, 30) * 1000)
    const noon = Date.UTC(2026, 2, 29, 10)
    assert.equal(toldTime('02:30', noon)?.us, Date.UTC(2026, 2, 28, 1, 30) * 1000)
    // That day has 23 hours: yesterday is the day before, and not 24 hours ago.
    assert.equal(toldTime('23:00', noon)?.us, Date.UTC(2026, 2, 28, 22) * 1000)
  })
})

test('a clock with an offset is of the day that it is there', () => {
  inZone('UTC', () => {
    const now = Date.UTC(2026, 10, 23, 22, 0)
    assert.equal(toldTime('00:30+03:00', now)?.us, Date.UTC(2026, 10, 23, 21, 30) * 1000)
    assert.equal(toldTime('02:30+03:00', now)?.us, Date.UTC(2026, 10, 22, 23, 30) * 1000)
    assert.equal(toldTime('18:30-0330', now)?.us, Date.UTC(2026, 10, 23, 22) * 1000)
  })
})
