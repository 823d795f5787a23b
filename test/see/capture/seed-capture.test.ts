/** The seed's conversation as a capture: its twenty frames, and beside each what the appliance did with it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CaptureFile } from '../../../src/see/capture/capture-file.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import { concat } from '../../kit/frame.ts'
import { playRecorded } from '../../kit/transcript.ts'

const [C, V, L, R] = [
  '202.108.10.2:33896',
  '202.108.10.1:6379',
  '192.168.168.7:1028',
  '192.168.168.2:6379',
]
const ENDS = `${C} ${V} ${L} ${R}`
const DELTA = 3_107_328_973

/** Every segment is rewritten at least like this. */
function inward(seq: number, more: { length?: string; behind?: string } = {}): string {
  const { length = '', behind = '' } = more
  return `MACs rewritten, ${length}IP checksum adjusted, source ${C} to ${L}, destination ${V} to ${R}, seq +${DELTA} to ${seq}, TCP checksum adjusted${behind}`
}

function outward(ack: number, behind = ''): string {
  return `MACs rewritten, IP checksum adjusted, source ${R} to ${V}, destination ${L} to ${C}, ack -${DELTA} to ${ack}, TCP checksum adjusted${behind}`
}

const toa = (length: string) => ({ length: `length ${length}, `, behind: `, TOA added ${C}` })

/** What came, what was decided, what left; pairs of the fifth of seven workers. */
const EXPECTED: [way: string, decided: string, changed: string][] = [
  [
    'client',
    `lookup miss | ${R} by scheduler, weight 100, one of 1 | lport ${L}, 8063 free | NONE -> SYN_RECV`,
    inward(2_976_553_321, {
      length: 'length 60 to 68, ',
      behind: `, TOA added ${C}, timestamp to NOPs (TS val 125357496 ecr 0)`,
    }),
  ],
  ['rs', 'lookup hit | state SYN_RECV', outward(4_164_191_645, ', MSS 1460 to 1452')],
  ['client', 'lookup hit | SYN_RECV -> ESTABLISHED', inward(2_976_553_322, toa('40 to 48'))],
  ['client', 'lookup hit | state ESTABLISHED', inward(2_976_553_322, toa('116 to 124'))],
  ['rs', 'lookup hit | state ESTABLISHED', outward(4_164_191_721)],
  ['rs', 'lookup hit | state ESTABLISHED', outward(4_164_191_721)],
  ['client', 'lookup hit | state ESTABLISHED', inward(2_976_553_398)],
  ['client', 'lookup hit | ESTABLISHED -> CLOSE_WAIT', inward(2_976_553_398)],
  ['rs', 'lookup hit | CLOSE_WAIT -> TIME_WAIT', outward(4_164_191_722)],
  ['client', 'lookup hit | state TIME_WAIT', inward(2_976_553_399)],
]

test('twenty packets on two interfaces, each with what became of it', () => {
  const stand = playRecorded('seed-client-close', 5, 7)
  const file = new CaptureFile({
    application: 'tapvs',
    os: 'Linux',
    comment: '',
    arms: stand.config.arms.map(({ name }) => ({ name, description: name })),
    snaplen: 160,
    otherArm: 'none',
  })
  const parts = [...file.begin(), ...stand.moments().flatMap(moment => file.moment(moment))]
  const { interfaces, packets, endComments } = readCapture(concat(...parts, ...file.end()))
  assert.deepEqual(
    packets.map(p => `${interfaces[p.interface].name} ${p.direction} ${p.comments.join(' ; ')}`),
    EXPECTED.flatMap(([from, decided, changed], i) => {
      const [arm, other, to] =
        from === 'client' ? ['dpdk0', 'dpdk1', 'rs'] : ['dpdk1', 'dpdk0', 'client']
      const pair = `pair ${5 + 7 * i}`
      return [
        `${arm} in ${pair} in from ${from}, worker 5 | ${ENDS} | ${decided} | to ${other}`,
        `${other} out ${pair} out to ${to}, worker 5 | ${ENDS} | ${changed}`,
      ]
    }),
  )
  assert.deepEqual(endComments, [
    `at 1007.560000 event, worker 5 | ${ENDS} | connection ended in TIME_WAIT`,
  ])
})
