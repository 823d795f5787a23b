/**
 * All cells of the three state tables, against the reference's tables as they are printed there
 * (semantics 2.3), and the walks that follow from them. The tables here are read by code of their own: a slip in the product's
 * compiler of tables must not repeat itself.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextState } from '../../src/engine/states.ts'
import { DEFAULT_TIMEOUTS, IN, INPUT_ONLY, OUT, STATES, State } from '../../src/engine/tcp-state.ts'
import { flagBits } from '../kit/frame.ts'

const REFERENCE = {
  input: `
| event | NO | ES | SS | SR | FW | TW | CL | CW | LA | LI | SA |
| syn | SR | ES | ES | SR | SR | SR | SR | SR | SR | SR | SR |
| fin | CL | CW | SS | TW | TW | TW | CL | CW | LA | LI | TW |
| ack | CL | ES | SS | ES | FW | TW | CL | CW | CL | LI | ES |
| rst | CL | CL | CL | SR | CL | CL | CL | CL | LA | LI | SR |`,
  output: `
| event | NO | ES | SS | SR | FW | TW | CL | CW | LA | LI | SA |
| syn | SS | ES | SS | SR | SS | SS | SS | SS | SS | LI | SR |
| fin | TW | FW | SS | TW | FW | TW | CL | TW | LA | LI | TW |
| ack | ES | ES | SS | ES | FW | TW | CL | CW | LA | ES | ES |
| rst | CL | CL | SS | CL | CL | TW | CL | CL | CL | CL | CL |`,
  'input-only': `
| event | NO | ES | SS | SR | FW | TW | CL | CW | LA | LI | SA |
| syn | SR | ES | ES | SR | SR | SR | SR | SR | SR | SR | SR |
| fin | CL | FW | SS | TW | FW | TW | CL | CW | LA | LI | TW |
| ack | CL | ES | SS | ES | FW | TW | CL | CW | CL | LI | ES |
| rst | CL | CL | CL | SR | CL | CL | CL | CL | LA | LI | CL |`,
}

const DIRECTIONS = { input: IN, output: OUT, 'input-only': INPUT_ONLY }

const BY_CODE: Record<string, number> = {
  NO: State.NONE,
  ES: State.ESTABLISHED,
  SS: State.SYN_SENT,
  SR: State.SYN_RECV,
  FW: State.FIN_WAIT,
  TW: State.TIME_WAIT,
  CL: State.CLOSE,
  CW: State.CLOSE_WAIT,
  LA: State.LAST_ACK,
  LI: State.LISTEN,
  SA: State.SYNACK,
}

/** Every flag set of one event, by the priority RST, SYN, FIN, ACK; U, P, E and W never matter. */
const EVENT_FLAGS: Record<string, string[]> = {
  syn: ['S', 'S.', 'SF', 'SF.', 'SP', 'SEW'],
  fin: ['F', 'F.', 'FP.', 'FU.'],
  ack: ['.', 'P.', 'U.', 'E.', 'W.'],
  rst: ['R', 'R.', 'RS', 'RF', 'RSF.', 'RP'],
}

function cellsOf(table: string): { event: string; from: string; to: string }[] {
  const rows = table
    .trim()
    .split('\n')
    .map(line => line.split('|').map(word => word.trim()))
  const [head, ...body] = rows.map(words => words.slice(1, -1))
  return body.flatMap(([event, ...targets]) =>
    targets.map((to, i) => ({ event, from: head[i + 1], to })),
  )
}

let cells = 0
for (const [name, table] of Object.entries(REFERENCE)) {
  test(`${name}: every cell of the reference's table`, () => {
    for (const { event, from, to } of cellsOf(table)) {
      cells++
      for (const flags of EVENT_FLAGS[event]) {
        const dir = DIRECTIONS[name as keyof typeof DIRECTIONS]
        const next = nextState(dir, BY_CODE[from], flagBits(flags))
        assert.equal(next, BY_CODE[to], `${name} ${event} [${flags}] ${from}`)
      }
    }
  })
}

test('the tables have twelve rows of eleven states', () => {
  assert.equal(cells, 132)
  assert.equal(STATES, 11)
})

test('a segment with none of SYN, FIN, ACK, RST closes, whatever else it carries', () => {
  for (const dir of [IN, OUT, INPUT_ONLY]) {
    for (let state = 0; state < STATES; state++) {
      for (const flags of ['', 'P', 'U', 'E', 'W', 'PUEW']) {
        assert.equal(nextState(dir, state, flagBits(flags)), State.CLOSE)
      }
    }
  }
})

test('default timeouts in seconds', () => {
  const seconds = Object.fromEntries(
    Object.entries(State).map(([name, state]) => [name, DEFAULT_TIMEOUTS[state]]),
  )
  assert.deepEqual(seconds, {
    NONE: 2,
    ESTABLISHED: 90,
    SYN_SENT: 3,
    SYN_RECV: 30,
    FIN_WAIT: 7,
    TIME_WAIT: 7,
    CLOSE: 3,
    CLOSE_WAIT: 7,
    LAST_ACK: 7,
    LISTEN: 120,
    SYNACK: 30,
  })
})

/** `in S` for a SYN of the client, `out S.` for the RS's answer, each with the state it leads to. */
const WALKS: Record<string, [string, string][]> = {
  'the client closes first: the seed': [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
    ['in P.', 'ES'],
    ['out P.', 'ES'],
    ['in F.', 'CW'],
    ['out F.', 'TW'],
    ['in .', 'TW'],
  ],
  'the RS closes first': [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
    ['out F.', 'FW'],
    ['in .', 'FW'],
    ['in F.', 'TW'],
    ['out .', 'TW'],
  ],
  'both close at once': [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
    ['in F.', 'CW'],
    ['out F.', 'TW'],
    ['in .', 'TW'],
    ['out .', 'TW'],
  ],
  "the RS's first pure ACK completes the handshake too": [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['out .', 'ES'],
  ],
  'half close: data of the RS goes on': [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
    ['in F.', 'CW'],
    ['out .', 'CW'],
    ['out P.', 'CW'],
    ['in .', 'CW'],
    ['out FP.', 'TW'],
  ],
  'the RS refuses': [
    ['in S', 'SR'],
    ['out R.', 'CL'],
  ],
  'the client resets while half open: stays': [
    ['in S', 'SR'],
    ['in R', 'SR'],
  ],
  'the client resets': [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
    ['in R.', 'CL'],
    ['in .', 'CL'],
    ['out P.', 'CL'],
  ],
  'the port is used again in TIME_WAIT': [
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
    ['in F.', 'CW'],
    ['out F.', 'TW'],
    ['in S', 'SR'],
    ['out S.', 'SR'],
    ['in .', 'ES'],
  ],
}

for (const [name, steps] of Object.entries(WALKS)) {
  test(`walk: ${name}`, () => {
    let state: number = State.NONE
    for (const [segment, to] of steps) {
      const [dir, flags] = segment.split(' ')
      state = nextState(dir === 'in' ? IN : OUT, state, flagBits(flags))
      assert.equal(state, BY_CODE[to], `${segment} should lead to ${to}`)
    }
  })
}

test('no path of FullNAT leads into LAST_ACK', () => {
  const seen = new Set<number>([State.NONE])
  for (const state of seen) {
    for (const dir of [IN, OUT]) {
      for (let flags = 0; flags < 256; flags++) seen.add(nextState(dir, state, flags))
    }
  }
  assert.ok(!seen.has(State.LAST_ACK))
})
