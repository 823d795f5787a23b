/** How lists of services name a set: `ipset:NAME`. Apart from its schema (ipsets.ts), whose library no listing needs. */

const BEGIN = 'ipset:'

/** It stands for a set, not for a prefix. */
export function isIpset(text: string): boolean {
  return text.startsWith(BEGIN)
}

/** What lists call the set of this name. */
export function ipsetText(name: string): string {
  return `${BEGIN}${name}`
}

export function ipsetName(text: string): string {
  return text.slice(BEGIN.length)
}
