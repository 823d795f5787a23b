/**
 * Whatever reads texts, words or files of others says in a line what is wrong with them, in the class that it is said to throw, soon.
 * Inputs go on from those that reached code that none had reached; the long form is main.ts. FUZZ_SEED in the environment chooses
 * another seed.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJournal } from '../../src/control/journal/format.ts'
import { replay } from '../../src/control/replay/replay.ts'
import { FlightKind, HeadCell, InCell } from '../../src/engine/flight-records.ts'
import { READERS } from './readers/all.ts'
import { journalTarget } from './readers/binaries.ts'
import { fuzzReader, type Target } from './readers/target.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_261_129)

/** Inputs of the short form. */
const INPUTS: Readonly<Record<string, number>> = {
  config: 110,
  ipvsadm: 104,
  keepalived: 107,
  filter: 1000,
  capture: 104,
  journal: 80,
  kept: 100,
  health: 100,
  state: 60,
  commands: 220,
  api: 210,
}

test('every reader has its number of inputs', () => {
  assert.deepEqual(Object.keys(INPUTS).sort(), Object.keys(READERS).sort())
})

for (const [name, fuzz] of Object.entries(READERS)) {
  test(`${INPUTS[name]} inputs of seed ${SEED}: ${name}`, async () => {
    const { inputs, taken, blocks, fresh } = await fuzz({ seed: SEED, inputs: INPUTS[name] ?? 0 })
    // Whose inputs are all refused, or all taken alike, tests nothing. The smallest reader, of what health checks thought, has 24 to 38 blocks: V8
    // counts a function that it has thrown away and compiled again as another.
    assert.ok(taken > inputs / 50, `${taken} of ${inputs} were taken`)
    assert.ok(fresh > 0 && blocks > 20, `${blocks} blocks reached, ${fresh} not by seeds`)
  })
}

/** What is told of a reader that does this. */
async function told(read: (input: string) => unknown): Promise<string> {
  const target: Target<string> = {
    name: 'reader',
    seeds: ['a'],
    mutate: (chance, input) => `${input}${chance.below(10)}`.slice(-20),
    read,
    isRefusal: error => error.constructor === Error,
    files: /nothing/,
    limitMs: 200,
    show: input => input,
  }
  try {
    await fuzzReader(target, { seed: SEED, inputs: 100 })
  } catch (error) {
    return (error as Error).message.split('\n').slice(0, 2).join(' ')
  }
  return 'nothing'
}

test('a reader that is wrong is found out', async () => {
  const refuse = (words: string) => (input: string) => {
    if (input.endsWith('7')) throw new Error(words)
  }
  assert.equal(await told(refuse('no')), 'nothing')
  assert.match(await told(refuse('in two\nlines')), /^reader: a refusal in "in two\\nlines" of a/)
  const ofV8 = (input: string) => (input.endsWith('7') ? (undefined as never as string).length : 0)
  assert.match(await told(ofV8), /^reader: TypeError: .* of a/)
  const slow = (input: string) => {
    // Of the processor, which others may have meanwhile.
    const begun = process.cpuUsage()
    while (input.endsWith('7') && process.cpuUsage(begun).user < 400_000);
  }
  assert.match(await told(slow), /^reader: took \d+ ms of a/)
})

/** A journal whose header or first record says otherwise, and what is told of it. */
async function damaged(
  change: (header: Record<string, unknown>) => unknown,
  record: (cells: Int32Array) => void = () => {},
): Promise<string> {
  const [file = new Uint8Array()] = (await journalTarget()).seeds
  const bytes = Buffer.from(file)
  const length = bytes.readUInt32LE(8)
  const header = JSON.parse(bytes.toString('utf8', 16, 16 + length))
  const words = Buffer.from(JSON.stringify(change(header) ?? header))
  const head = Buffer.from(bytes.subarray(8, 16))
  head.writeUInt32LE(words.length)
  const rest = bytes.subarray(16 + length + (-length & 7))
  const parts = [bytes.subarray(0, 8), head, words, Buffer.alloc(-words.length & 7), rest]
  try {
    const journal = readJournal(Buffer.concat(parts))
    for (const cells of journal.records[0] ?? []) record(cells)
    replay(journal)
    return 'nothing'
  } catch (error) {
    assert.equal((error as Error).constructor, Error)
    return (error as Error).message
  }
}

test('a journal that is no good says so in a line, and takes no memory for what it claims', async () => {
  const set = (key: string, value: unknown) => (header: Record<string, unknown>) => {
    header[key] = value
  }
  assert.equal(await damaged(() => undefined), 'nothing')
  assert.equal(await damaged(() => 7), 'is damaged: a block is number, not object')
  assert.equal(await damaged(set('workers', 2 ** 31)), `is damaged: it is of ${2 ** 31} workers`)
  assert.equal(
    await damaged(set('arms', 'dpdk0')),
    'is damaged: a block.arms is string, not a list',
  )
  assert.equal(await damaged(set('begun', 'soon')), 'is damaged: it says no time')
  const elsewhere = (cells: Int32Array) => {
    if (cells[HeadCell.KIND] === FlightKind.IN) cells[InCell.ARM] = 9
  }
  assert.match(
    await damaged(() => undefined, elsewhere),
    /^is damaged: a frame of \d+ bytes on arm 9$/,
  )
})
