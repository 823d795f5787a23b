/** Which connection the ladder shows: its filter, in the page's address. */

import { go, narrow, place, placeLeft } from './place.ts'

/** Words of the moments' filter; empty for nothing. */
export function ladderFilter(): string {
  const { view, words } = place.value
  return (view === 'ladder' ? words.filter : placeLeft('ladder').words.filter) ?? ''
}

export function showLadder(filter: string): void {
  const text = filter.trim()
  const words: Record<string, string> = text === '' ? {} : { filter: text }
  if (place.peek().view === 'ladder') narrow(words)
  else go({ view: 'ladder', words })
}

/** `conn A:P` of a client's end; of others than TCP `udp conn A:P`, as the port may be one of TCP as well. */
export function connFilter({ protocol, client }: { protocol: string; client: string }): string {
  const name = protocol.toLowerCase()
  if (name === 'tcp') return `conn ${client}`
  const isIcmp6 = name === 'icmp' && client.startsWith('[')
  return `${name}${isIcmp6 ? '6' : ''} conn ${client}`
}
