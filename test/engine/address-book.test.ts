/** The address book: against a Map, in memory that is there already, and torn at any store. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AddressBook, NO_WORD } from '../../src/engine/address-book.ts'

const CAPACITY = 5
type Address = [number, number, number, number]

function newBook(memory = new ArrayBuffer(AddressBook.bytesFor(CAPACITY))): AddressBook {
  return new AddressBook(memory, 0, CAPACITY)
}

/** Addresses that differ in one cell, any cell, or not at all. */
const address = fc.tuple(
  fc.constantFrom(0x20010db8, -1),
  fc.constantFrom(0, 1),
  fc.constantFrom(0, -0x80000000),
  fc.constantFrom(0, 1, 2),
) as fc.Arbitrary<Address>

type Step = { take: Address } | { keep: Address[] }
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: address.map(take => ({ take })) },
    { weight: 1, arbitrary: fc.array(address, { maxLength: 4 }).map(keep => ({ keep })) },
  ) as fc.Arbitrary<Step>,
  { maxLength: 60 },
)

const bytesOf = (words: Iterable<number>) => {
  const meant = new Uint8Array(CAPACITY + 1)
  for (const word of words) meant[word] = 1
  return meant
}

/** A book beside its model: words by address, as text. */
class Beside {
  readonly book: AddressBook
  readonly model = new Map<string, { word: number; address: Address }>()

  constructor(memory: ArrayBuffer) {
    this.book = newBook(memory)
  }

  step(step: Step): void {
    if ('keep' in step) {
      this.book.keep(bytesOf(step.keep.map(address => this.book.find(...address))))
      const kept = new Set(step.keep.map(String))
      for (const name of this.model.keys()) if (!kept.has(name)) this.model.delete(name)
      return
    }
    const known = this.model.get(`${step.take}`)
    const word = this.book.wordOf(...step.take)
    if (known !== undefined) assert.equal(word, known.word)
    else if (this.model.size === CAPACITY) assert.equal(word, NO_WORD)
    else this.model.set(`${step.take}`, { word, address: step.take })
  }

  check(book = this.book): void {
    assert.equal(book.used, this.model.size)
    const words = new Set<number>()
    for (const { word, address } of this.model.values()) {
      assert.ok(word >= 1 && word <= CAPACITY && !words.has(word))
      words.add(word)
      assert.equal(book.find(...address), word)
      assert.ok(book.has(word))
      assert.deepEqual(
        [0, 1, 2, 3].map(i => book.cell(word, i)),
        address,
      )
    }
  }
}

test('any steps: the book knows what a Map would, and so does one made of its memory', () => {
  fc.assert(
    fc.property(steps, fc.array(address), (taken, asked) => {
      const memory = new ArrayBuffer(AddressBook.bytesFor(CAPACITY))
      const beside = new Beside(memory)
      for (const step of taken) {
        beside.step(step)
        beside.check()
      }
      const again = newBook(memory.slice(0))
      beside.check(again)
      for (const of of asked) {
        assert.equal(beside.book.find(...of), beside.model.get(`${of}`)?.word ?? NO_WORD)
      }
      // Books that hold the same go on the same.
      for (const of of asked) assert.equal(again.wordOf(...of), beside.book.wordOf(...of))
    }),
  )
})

test('a full book looks for what is meant no more once, and refuses if that is nothing', () => {
  const book = newBook()
  const meant = new Set([1, 2, 3, 4, 5])
  let looked = 0
  book.whenFull = () => {
    looked++
    book.keep(bytesOf(meant))
  }
  const words = [1, 2, 3, 4, 5].map(d => book.wordOf(0, 0, 0, d))
  assert.deepEqual([words, looked], [[1, 2, 3, 4, 5], 0])
  assert.deepEqual([book.wordOf(0, 0, 0, 6), looked], [NO_WORD, 1])
  assert.deepEqual([book.wordOf(0, 0, 0, 5), looked], [5, 1])
  meant.delete(4)
  meant.delete(2)
  assert.deepEqual([book.wordOf(0, 0, 0, 6), looked], [2, 2])
  assert.deepEqual([book.wordOf(0, 0, 0, 7), looked], [4, 2])
  assert.equal(book.find(0, 0, 0, 4), NO_WORD)
})

test('an entry that was not written to its end is none', () => {
  const memory = new ArrayBuffer(AddressBook.bytesFor(CAPACITY))
  newBook(memory).wordOf(1, 2, 3, 4)
  new Int32Array(memory)[(1 << 3) | 4] = 0
  const book = newBook(memory)
  assert.equal(book.used, 0)
  assert.equal(book.find(1, 2, 3, 4), NO_WORD)
  assert.equal(book.wordOf(5, 6, 7, 8), 1)
})

test("a book on a copy goes on with the other's memory, unless a word of it has gone to another address", () => {
  const book = newBook()
  for (const d of [1, 2, 3]) book.wordOf(0, 0, 0, d)
  const words = book.save()
  // The same memory, in which meanwhile the second was freed and a fourth has come.
  book.keep(bytesOf([1, 3]))
  assert.equal(book.resume(words), true)
  assert.deepEqual(
    [1, 2, 3].map(d => book.find(0, 0, 0, d)),
    [1, 2, 3],
  )
  book.keep(bytesOf([1, 3]))
  assert.equal(book.wordOf(0, 0, 0, 4), 2)
  assert.equal(book.resume(words), false)
  assert.deepEqual(
    [1, 2, 3, 4].map(d => book.find(0, 0, 0, d)),
    [1, NO_WORD, 3, 2],
  )
})
