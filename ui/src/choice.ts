/** Which connection the ladder shows, kept in the address so that it outlives a reload. */

import { signal } from '@preact/signals'

/** Words of the moments' filter; empty for nothing. */
export const ladderFilter = signal(new URLSearchParams(location.search).get('ladder') ?? '')

export function showLadder(filter: string): void {
  ladderFilter.value = filter.trim()
  const url = new URL(location.href)
  if (ladderFilter.value === '') url.searchParams.delete('ladder')
  else url.searchParams.set('ladder', ladderFilter.value)
  history.replaceState(null, '', url)
}

/** `conn A:P` of a client's end; of others than TCP `udp conn A:P`, as the port may be one of TCP as well. */
export function connFilter({ protocol, client }: { protocol: string; client: string }): string {
  const name = protocol.toLowerCase()
  if (name === 'tcp') return `conn ${client}`
  const isIcmp6 = name === 'icmp' && client.startsWith('[')
  return `${name}${isIcmp6 ? '6' : ''} conn ${client}`
}
