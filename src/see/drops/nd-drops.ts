/** Packets that are refused for their extension headers of IPv6, or as neighbour discovery. */

import { EXTENSION_BYTES_MOST } from '../../wire/ipv6.ts'
import type { DropTable } from './drop-row.ts'

export const ND_DROPS = {
  ip_extension: {
    says: 'IPv6 extension headers that are too long, spoilt, or not for us to go on with',
    explain: frame => ({
      rule: `at most ${EXTENSION_BYTES_MOST} bytes of extension headers are passed over: hop-by-hop (only the first), destination options, and routing without a hop to go; ${frame.ends} has others, or is an echo with some`,
      advice: `nothing, if nobody misses it; if ${frame.src} is an honest host, have it send without them`,
    }),
  },

  nat64_extension: {
    says: 'IPv6 extension headers on the way to a real server that speaks IPv4',
    explain: frame => ({
      rule: `the service's real servers speak IPv4, which has no extension headers, and ${frame.ends} has some`,
      advice: `have ${frame.src} send without them, or give the service real servers that speak IPv6`,
    }),
  },

  nd_header: {
    says: 'neighbour discovery or a query for groups that is malformed, or has come through a router',
    explain: frame => ({
      rule: `it needs a hop limit of 255 (a query 1, and an address of the link), code 0, options with a length, and a MAC of one machine (RFC 4861 7.1); ${frame.ends} has not`,
      advice: `nothing to be done here; ${frame.srcMac} sends it`,
    }),
  },

  nd_not_ours: {
    says: 'neighbour discovery for an address that is not of this arm',
    explain: frame => ({
      rule: `it is about no address of ${frame.arm}, which has ${frame.addressesOf(frame.arm)}; ${frame.src} sends it`,
      advice: frame.isOfNic
        ? 'nothing: it is for the host or for another machine, and we only hear a copy'
        : `nothing, if it is another machine's; if it is to be ours: tapvs dpip addr add ADDRESS/128 dev ${frame.arm}`,
    }),
  },

  nd_unsolicited: {
    says: 'neighbour advertisement that nobody asked for, from an unknown neighbour',
    explain: frame => ({
      rule: `${frame.src} tells its MAC, and nobody has asked: it is no next hop of ours`,
      advice: `nothing; if it is to be known: tapvs dpip neigh add ${frame.src} lladdr ${frame.srcMac} dev ${frame.arm}`,
    }),
  },

  nd_claims_ours: {
    says: 'neighbour discovery that claims one of our addresses for another MAC',
    explain: frame => ({
      rule: `the sender ${frame.srcMac} speaks of an address of ours as its own`,
      advice: `find the machine with the MAC ${frame.srcMac} and take the address away from it, or remove it here`,
    }),
  },
} satisfies DropTable
