/**
 * The word by which a neighbour over IPv6 is known. One that a host inside speaks to, and no gateway leads to, nobody has set up: it is known
 * by a digest, which is below 0 as no word is.
 */

import { type AddressBook, FAR, NO_WORD } from './address-book.ts'
import { Family, familyOf } from './family.ts'
import type { Templates } from './templates.ts'

export function neighWord(book: AddressBook, templates: Templates, address: Int32Array): number {
  const word = book.find(address[0], address[1], address[2], address[3])
  return word === NO_WORD ? templates.clientOf(address, 128) | FAR : word
}

/** By which word an engine knows the address that another worker tells of on `link` (Peers.tell). */
export function toldWord(
  { addressBook, templates }: { addressBook: AddressBook; templates: Templates },
  link: number,
  address: Int32Array,
): number {
  return familyOf(link) === Family.IPV4 ? address[0] : neighWord(addressBook, templates, address)
}
