/** What opens no connection although a match service takes it: its real servers are addresses of ours outside (semantics 8.4). */

import { hostText, isIpv6Text } from '../../wire/ip-address.ts'
import { listed, type MatchService, type Refused } from './drop-context.ts'
import type { Explanation } from './drop-row.ts'

/** `MATCH icmp,from=192.168.168.2`, as listings name it. */
export function matchName({ protocol, address }: MatchService): string {
  return `MATCH ${protocol},${address}`
}

/** ipvsadm's words for it, which tell ICMP of IPv6 by its name. */
function ruleOption({ src }: Refused, { protocol, address }: MatchService): string {
  const name = protocol === 'icmp' && isIpv6Text(src) ? 'icmpv6' : protocol
  return `-H proto=${name},${address}`
}

/** All of its addresses have run out of lports. */
export function noLportOutside(frame: Refused, match: MatchService): Explanation {
  const own = match.real_servers.map(({ address }) => address)
  const pools = frame.context.addresses.filter(({ address }) => own.includes(address))
  const states = pools.map(({ address, lports }) => `${address} ${lports?.misses ?? 0} misses`)
  return {
    rule: `every address of ${matchName(match)} is out of lports towards ${frame.to}: ${listed(states)}`,
    advice: `one more address: tapvs ipvsadm -a ${ruleOption(frame, match)} -r ADDRESS:0 -J -w 1; it needs to be among the local_addresses of the arm outside. Each has lports of its own towards each destination and port`,
  }
}

/** None of its addresses has a weight. */
export function noAddressOutside(frame: Refused, match: MatchService): Explanation {
  const all = match.real_servers
  const [first] = all
  const states = all.map(({ address, weight }) => `${address} weight ${weight}`)
  const change = first === undefined ? ['-a', 'ADDRESS'] : ['-e', hostText(first.address)]
  return {
    rule:
      first === undefined
        ? `${matchName(match)}, which takes it, has no address outside`
        : `no address of ${matchName(match)}, which takes it, has a weight above 0: ${listed(states)}`,
    advice: `tapvs ipvsadm ${change[0]} ${ruleOption(frame, match)} -r ${change[1]}:0 -J -w 1`,
  }
}
