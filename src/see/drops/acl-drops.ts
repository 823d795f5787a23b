/** What opens a connection, or belongs to none, and is kept away: by lists of the service, or because it is one too many. */

import type { Refused } from './drop-context.ts'
import type { DropTable } from './drop-row.ts'

export const ACL_DROPS = {
  acl_denied: {
    says: 'packet without a connection from an address on a deny list of the service',
    explain: frame => ({
      rule: `${frame.src} is in a prefix of a deny list of ${frame.to}`,
      advice: `the list with its hits: tapvs ipvsadm -B ${option(frame)} ${frame.to} --stats; to let it in: tapvs ipvsadm -V ${option(frame)} ${frame.to} -k PREFIX; what is of deny_file is changed there, and read by tapvs reload`,
    }),
  },

  acl_not_allowed: {
    says: 'packet without a connection from an address on no allow list of the service, which has one',
    explain: frame => ({
      rule: `${frame.to} has an allow list, and no prefix of it holds ${frame.src}`,
      advice: `to let it in: tapvs ipvsadm -O ${option(frame)} ${frame.to} -2 ${frame.src}; or change allow_file, which tapvs reload reads`,
    }),
  },

  service_rate: {
    says: 'SYN or first datagram to a service that has opened its connections of this second',
    explain: frame => ({
      rule: `${frame.to} opens connection_rate connections a second, connection_burst at once, and the worker of ${frame.from} its part of them; they are spent`,
      advice:
        'the client comes again in a second (a SYN) or later; if the real servers can take more: a larger connection_rate or connection_burst',
    }),
  },

  client_rate: {
    says: 'SYN or first datagram of a client that has opened its connections of this second',
    explain: frame => ({
      rule: `${frame.src} may open client_rate connections to ${frame.to} a second, client_burst at once, and the worker of ${frame.from} has its part of them; they are spent`,
      advice: `a proxy or a NAT with many users behind it: a larger client_rate or client_burst; else an attacker: tapvs ipvsadm -U ${option(frame)} ${frame.to} -k ${frame.src}`,
    }),
  },

  nat_taken: {
    says: 'SYN or first datagram of a client whose port another service has a connection from, to the same real server by NAT',
    explain: frame => ({
      rule: `a real server of ${frame.to} that is reached by NAT sees ${frame.from} as it is, and has a connection from there already, of another service: its answers would be of both`,
      advice:
        'the client comes again from another port, or when that one is over; two services that share real servers: forwarding fullnat, or another port of the real server for one of them',
    }),
  },
} satisfies DropTable

/** ipvsadm's option for the service that the frame is for. */
function option({ headers }: Refused): string {
  return headers.udp === null ? '-t' : '-u'
}
