/**
 * The word by which a neighbour over IPv6 is known. One that a host inside speaks to, and no gateway leads to, nobody has set up: all workers
 * know it by the same digest, which is below 0 as no word is, for what one hears of it is told to the others.
 */

import { type AddressBook, FAR, NO_WORD } from './address-book.ts'
import type { Templates } from './templates.ts'

export function neighWord(book: AddressBook, templates: Templates, address: Int32Array): number {
  const word = book.find(address[0], address[1], address[2], address[3])
  return word === NO_WORD ? templates.clientOf(address, 128) | FAR : word
}
