/** The listings of dpip (semantics 9.5), column by column. */

import type {
  AddressInfo,
  ArmInfo,
  CountersInfo,
  NeighbourInfo,
  RouteInfo,
} from '../../api/commands.ts'
import { linkWords } from '../../api/link-state.ts'
import { lengthOf, networkOf } from '../../config/cidr.ts'
import { bitsOf, inIpPrefix, ipAddress, isIpv6Text } from '../../wire/ip-address.ts'

/**
 * `dpip addr show`. sa_* stand with every LIP, as the seed has it; later builds want -s for them. With `verbose` (-v)
 * a LIP is listed for each worker, whose number is in front; 0 is the master.
 */
export function formatAddresses(addresses: readonly AddressInfo[], verbose = false): string {
  let text = ''
  for (const info of addresses) {
    const { lports, lports_of_workers: ofWorkers } = info
    if (!verbose) text += formatAddress(info, lports)
    else if (!ofWorkers) text += `[00] ${formatAddress(info, lports)}`
    else {
      for (const [i, own] of ofWorkers.entries())
        text += `[${String(i + 1).padStart(2, '0')}] ${formatAddress(info, own)}`
    }
  }
  return text
}

function formatAddress(info: AddressInfo, lports: AddressInfo['lports']): string {
  const { address, prefix_length, arm } = info
  let text = `${inet(address)} ${address}/${prefix_length} scope global ${arm}\n`
  text += '     valid_lft forever preferred_lft forever'
  if (lports) text += ` sa_used ${lports.used} sa_free ${lports.free} sa_miss ${lports.misses}`
  return `${text}\n`
}

/** `dpip neigh show`; `incomplate` is the original's spelling. */
export function formatNeighbours(neighbours: readonly NeighbourInfo[]): string {
  let text = ''
  for (const neighbour of neighbours) {
    const { address, mac, state, arm, worker } = neighbour
    const lladdr = (mac ? `mac: ${mac}` : 'mac:incomplate').padEnd(22)
    text += `ip: ${address.padEnd(48)} ${lladdr}   state: ${state.padEnd(12)}  dev: ${arm}  core: ${worker}`
    text += `${neighbour.static ? '  static' : ''}${neighbour.flaps ? '  flaps' : ''}\n`
  }
  return text
}

/**
 * `dpip route show`: own addresses, which are routes to this host, then networks, longest prefix first. The route that an
 * address with a prefix brings has it as its source; others choose theirs per packet. MTUs are those of the arms.
 */
export function formatRoutes(
  routes: readonly RouteInfo[],
  addresses: readonly AddressInfo[],
  arms: readonly Pick<ArmInfo, 'name' | 'mtu'>[],
): string {
  let text = ''
  for (const { address, arm } of addresses) {
    const mtu = arms.find(({ name }) => name === arm)?.mtu ?? 0
    const to = `${address}/${bitsOf(ipAddress(address))}`
    text += line({ to, via: NONE, src: NONE, arm, mtu, scope: 'host' })
  }
  for (const { to, via, arm, mtu } of longestFirst(routes)) {
    const { network, prefixLength } = networkOf(to)
    const scope = via === null ? 'link' : 'global'
    const own = addresses.find(
      each =>
        via === null &&
        each.arm === arm &&
        each.prefix_length === prefixLength &&
        prefixLength < bitsOf(ipAddress(each.address)) &&
        inIpPrefix(ipAddress(each.address), { network, length: prefixLength }),
    )
    text += line({ to, via: via ?? NONE, src: own?.address ?? NONE, arm, mtu, scope })
  }
  return text
}

interface RouteLine {
  to: string
  via: string
  src: string
  arm: string
  mtu: number
  scope: string
}

const NONE = '0.0.0.0'

/** Of IPv6, what is not set is left out, and ::/0 has a name. */
function line({ to, via, src, arm, mtu, scope }: RouteLine): string {
  const behind = `scope ${scope} metric 0 proto auto \n`
  if (!isIpv6Text(to))
    return `inet ${to} via ${via} src ${src} dev ${arm} mtu ${mtu} tos 0 ${behind}`
  const set = [...(via === NONE ? [] : [` via ${via}`]), ...(src === NONE ? [] : [` src ${src}`])]
  return `inet6 ${to === '::/0' ? 'default' : to}${set.join('')} dev ${arm} mtu ${mtu} ${behind}`
}

function inet(address: string): string {
  return isIpv6Text(address) ? 'inet6' : 'inet'
}

/** Equal lengths stay in the order of addition. */
function longestFirst(routes: readonly RouteInfo[]): RouteInfo[] {
  return routes.toSorted((a, b) => lengthOf(b.to) - lengthOf(a.to))
}

/**
 * `dpip link show`. A TAP has no speed, duplex or negotiation; the second line says instead what is up. `only` is
 * the name of an arm; each keeps its number.
 */
export function formatLinks(arms: readonly ArmInfo[], only?: string): string {
  return numbered(arms, only)
    .map(([arm, index]) => formatLink(arm, index))
    .join('')
}

/** `dpip link show -s` */
export function formatLinkStats({ arms, drops, frames }: CountersInfo, only?: string): string {
  let text = ''
  for (const [arm, index] of numbered(arms, only)) {
    text += formatLink(arm, index)
    text += columns('ipackets', 'opackets', 'ibytes', 'obytes')
    text += columns(arm.rx_packets, arm.tx_packets, arm.rx_bytes, arm.tx_bytes)
    text += columns('ierrors', 'oerrors', 'imissed', 'rx_nombuf')
    // What the kernel loses before a TAP is read, we cannot see; buffers are shared by all arms.
    text += columns(arm.rx_drops, arm.tx_drops, 0, drops.no_buffer ?? 0)
    text += columns('mbuf-avail', 'mbuf-inuse')
    text += columns(frames.free, frames.slots - frames.free)
  }
  return text
}

/** `dpip link show -i`: what `-s` counts, per second between two of them that are `seconds` apart. */
export function linkRates(
  before: CountersInfo,
  after: CountersInfo,
  seconds: number,
): CountersInfo {
  // A daemon that was started anew in between counts from 0.
  const rate = (now: number, then = 0) => Math.max(0, Math.round((now - then) / seconds))
  const arms = after.arms.map(arm => {
    const old = before.arms.find(({ name }) => name === arm.name)
    return {
      ...arm,
      rx_packets: rate(arm.rx_packets, old?.rx_packets),
      rx_bytes: rate(arm.rx_bytes, old?.rx_bytes),
      tx_packets: rate(arm.tx_packets, old?.tx_packets),
      tx_bytes: rate(arm.tx_bytes, old?.tx_bytes),
      rx_drops: rate(arm.rx_drops, old?.rx_drops),
      tx_drops: rate(arm.tx_drops, old?.tx_drops),
    }
  })
  const noBuffer = rate(after.drops.no_buffer ?? 0, before.drops.no_buffer)
  return { ...after, arms, drops: { ...after.drops, no_buffer: noBuffer } }
}

function numbered(arms: readonly ArmInfo[], only?: string): [ArmInfo, number][] {
  return [...arms.entries()]
    .map(([index, arm]): [ArmInfo, number] => [arm, index])
    .filter(([{ name }]) => only === undefined || name === only)
}

function formatLink(arm: ArmInfo, index: number): string {
  const { name, kind, mtu, up, queues, mac, vlan } = arm
  const tag = vlan ? ` vlan ${vlan.id} on ${vlan.arm}` : ''
  const state = `${up ? 'UP' : 'DOWN'}${kind ? ` ${kind}` : ''} ${linkWords(arm)}`
  const head = `${index + 1}: ${name}: socket 0 mtu ${mtu} rx-queue ${queues} tx-queue ${queues}`
  return `${head}\n    ${state}${tag}\n    addr ${mac.toUpperCase()}\n`
}

function columns(...cells: (string | number)[]): string {
  return `    ${cells.map(cell => String(cell).padEnd(20)).join('')}\n`
}
