/** Addresses of the config as words of an engine. */

import { type AddressBook, BOOK_CELLS, NO_WORD } from '../../engine/address-book.ts'
import { Family } from '../../engine/family.ts'
import { ipAddress, ipText } from '../../wire/ip-address.ts'

export interface Word {
  family: number
  word: number
}

/** The word of an address, which has one as long as anything of the engine means it. Throws RangeError if there are no more. */
export function wordOf(book: AddressBook, text: string): Word {
  const address = ipAddress(text)
  if (typeof address === 'number') return { family: Family.IPV4, word: address }
  const word = book.wordOf(...address)
  if (word === NO_WORD)
    throw new RangeError(`no more than ${book.capacity} addresses of IPv6 at a time`)
  return { family: Family.IPV6, word }
}

/** The text of a word. */
export function wordText(book: AddressBook, word: number, family: number): string {
  return ipText(family === Family.IPV4 ? word : book.cells(word))
}

/** The same by the book of an image. */
export function imageText(book: Int32Array | undefined, word: number, family: number): string {
  if (family === Family.IPV4 || book === undefined) return ipText(word)
  const [a = 0, b = 0, c = 0, d = 0] = book.subarray(word * BOOK_CELLS, word * BOOK_CELLS + 4)
  return ipText([a, b, c, d])
}
