/** The listings of dpip (fullnat semantics 9.5), column by column. */

import type { AddressInfo, ArmInfo, CountersInfo, NeighbourInfo } from '../control/commands.ts'

/** `dpip addr show`. sa_* stand with every LIP, as the seed has it; later builds want -s for them. */
export function formatAddresses(addresses: readonly AddressInfo[]): string {
  let text = ''
  for (const { address, prefixLength, arm, lports } of addresses) {
    text += `inet ${address}/${prefixLength} scope global ${arm}\n`
    text += '     valid_lft forever preferred_lft forever'
    if (lports) text += ` sa_used ${lports.used} sa_free ${lports.free} sa_miss ${lports.misses}`
    text += '\n'
  }
  return text
}

/** `dpip neigh show`; `incomplate` is the original's spelling. */
export function formatNeighbours(neighbours: readonly NeighbourInfo[]): string {
  let text = ''
  for (const { address, mac, state, arm, worker } of neighbours) {
    const lladdr = (mac ? `mac: ${mac}` : 'mac:incomplate').padEnd(22)
    text += `ip: ${address.padEnd(48)} ${lladdr}   state: ${state.padEnd(12)}  dev: ${arm}  core: ${worker}\n`
  }
  return text
}

/**
 * `dpip link show`. A TAP has no speed, duplex or negotiation, so the second line says only whether it is up.
 */
export function formatLinks(arms: readonly ArmInfo[]): string {
  return arms.map(formatLink).join('')
}

/** `dpip link show -s` */
export function formatLinkStats({ arms, drops, frames }: CountersInfo): string {
  let text = ''
  for (const [index, arm] of arms.entries()) {
    text += formatLink(arm, index)
    text += columns('ipackets', 'opackets', 'ibytes', 'obytes')
    text += columns(arm.rxPackets, arm.txPackets, arm.rxBytes, arm.txBytes)
    text += columns('ierrors', 'oerrors', 'imissed', 'rx_nombuf')
    // What the kernel loses before a TAP is read, we cannot see; buffers are shared by all arms.
    text += columns(arm.rxDrops, arm.txDrops, 0, drops.no_buffer ?? 0)
    text += columns('mbuf-avail', 'mbuf-inuse')
    text += columns(frames.free, frames.slots - frames.free)
  }
  return text
}

function formatLink({ name, mtu, up, queues, mac }: ArmInfo, index: number): string {
  const head = `${index + 1}: ${name}: socket 0 mtu ${mtu} rx-queue ${queues} tx-queue ${queues}`
  return `${head}\n    ${up ? 'UP' : 'DOWN'}\n    addr ${mac.toUpperCase()}\n`
}

function columns(...cells: (string | number)[]): string {
  return `    ${cells.map(cell => String(cell).padEnd(20)).join('')}\n`
}
