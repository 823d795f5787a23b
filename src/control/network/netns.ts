/** Namespaces as a config names them: where their files are, and how `ip` is told to work in them. */

import { statfsSync, statSync } from 'node:fs'

const NSFS_MAGIC = 0x6e736673

/** => the namespace file; '' for our own */
export function netnsPath(netns: string | null): string {
  return netns === null ? '' : `/run/netns/${netns}`
}

/** Words for a command that has to be run in the namespace. */
export function ipIn(netns: string | null): string {
  return netns === null ? 'ip' : `ip -n ${netns}`
}

/** Which namespace the name stands for now, '' for none: its file may be gone, or not yet one of a namespace. */
export function netnsIdentity(netns: string): string {
  try {
    const path = netnsPath(netns)
    if (statfsSync(path).type !== NSFS_MAGIC) return ''
    const { dev, ino } = statSync(path, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    return ''
  }
}
