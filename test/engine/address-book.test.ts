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

type Step = { take: Address } | { drop: Address }
const steps = fc.array(
  fc.oneof(
    address.map(take => ({ take })),
    address.map(drop => ({ drop })),
  ) as fc.Arbitrary<Step>,
  { maxLength: 60 },
)

/** A book beside its model: addresses, as text, with word and count. */
class Beside {
  readonly book: AddressBook
  readonly model = new Map<string, { word: number; count: number; address: Address }>()

  constructor(memory: ArrayBuffer) {
    this.book = newBook(memory)
  }

  step(step: Step): void {
    const of = 'take' in step ? step.take : step.drop
    const known = this.model.get(`${of}`)
    if ('take' in step) {
      const word = this.book.intern(...of)
      if (known === undefined && this.model.size === CAPACITY) {
        assert.equal(word, NO_WORD)
        return
      }
      if (known !== undefined) assert.equal(word, known.word)
      this.model.set(`${of}`, { word, count: (known?.count ?? 0) + 1, address: of })
    } else if (known !== undefined) {
      this.book.release(known.word)
      known.count--
      if (known.count === 0) this.model.delete(`${of}`)
    }
  }

  check(book = this.book): void {
    assert.equal(book.used, this.model.size)
    const words = new Set<number>()
    for (const { word, count, address } of this.model.values()) {
      assert.ok(word >= 1 && word <= CAPACITY && !words.has(word))
      words.add(word)
      assert.equal(book.find(...address), word)
      assert.equal(book.count(word), count)
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
      for (const of of asked) assert.equal(again.intern(...of), beside.book.intern(...of))
    }),
  )
})

test('a full book refuses an address that it does not have, and takes it when one has left', () => {
  const book = newBook()
  const words = [1, 2, 3, 4, 5].map(d => book.intern(0, 0, 0, d))
  assert.deepEqual(words, [1, 2, 3, 4, 5])
  assert.equal(book.intern(0, 0, 0, 6), NO_WORD)
  assert.equal(book.intern(0, 0, 0, 5), 5)
  book.release(5)
  assert.equal(book.intern(0, 0, 0, 6), NO_WORD, 'somebody still has the fifth')
  book.release(5)
  assert.equal(book.intern(0, 0, 0, 6), 5)
})

test('an entry whose count was not written yet is none', () => {
  const memory = new ArrayBuffer(AddressBook.bytesFor(CAPACITY))
  newBook(memory).intern(1, 2, 3, 4)
  new Int32Array(memory)[(1 << 3) | 4] = 0
  const book = newBook(memory)
  assert.equal(book.used, 0)
  assert.equal(book.find(1, 2, 3, 4), NO_WORD)
  assert.equal(book.intern(5, 6, 7, 8), 1)
})
