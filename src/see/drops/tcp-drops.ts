/** Segments that are refused, and SYNs that open no connection. */

import { DEFAULT_SCHEDULER, HASH_KEYS } from '../../api/words.ts'
import { endpointText } from '../../wire/ip-address.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'
import { flagLetters } from '../frame/options-text.ts'
import { flagNames } from '../words/packet-words.ts'
import { checksumRule } from './checksum-rule.ts'
import { listed, type Refused } from './drop-context.ts'
import type { DropTable, Explanation } from './drop-row.ts'
import { noAddressOutside, noLportOutside } from './match-drops.ts'

export const TCP_DROPS = {
  tcp_header: {
    says: 'malformed TCP header',
    explain: frame => {
      const { ip, tcp } = frame.headers
      const bytes = ip === null ? 0 : ip.total - ip.header
      return {
        rule:
          tcp === null || bytes < 20
            ? `${bytes} bytes of TCP, its header alone has 20`
            : `the data offset says ${tcp.header} bytes of header; the packet has ${bytes}, the least are 20`,
        advice: `nothing to be done here; ${frame.src} sends it`,
      }
    },
  },

  tcp_checksum: {
    says: 'wrong TCP checksum, and it would have moved something',
    explain: frame => ({
      rule: checksumRule(frame, 'TCP', PROTO.TCP, TCP.CHECKSUM),
      advice: `the segment was spoilt on its way, or ${frame.srcMac} leaves checksums to a card that has none: ethtool -K DEVICE tx off there; many of them and a forger is at work; impair.corrupt of ${frame.arm} does it too`,
    }),
  },

  tcp_proxy_order: {
    says: 'segment that came before the first one of its stream, which the PROXY protocol needs',
    explain: frame => ({
      rule: `its service has proxy_protocol, so nothing of the stream of ${frame.from} goes on before its first segment has come, and shown whether it begins with a header of its own`,
      advice: `the first segment was lost or overtaken on its way from ${frame.src}, which will send both again; many of them: look for loss in front of ${frame.arm}`,
    }),
  },

  tcp_no_service: {
    says: 'TCP to an address and port without a service',
    explain: frame => {
      if (frame.isLip(frame.dst)) {
        return {
          rule: `${frame.to} is an lport of ours, and no connection from it to ${frame.from} is left`,
          advice: `a real server that speaks after the end: tapvs explain conn ${frame.to}; longer timeouts: tapvs ipvsadm --set TCP FIN UDP`,
        }
      }
      if (frame.isPast) return answersHere(frame)
      return noService(frame, 'tcp', known => `is no service; services are ${known}`)
    },
  },

  tcp_no_conn: {
    says: 'no connection, and no SYN that could open one',
    explain: frame => {
      const flags = frame.headers.tcp?.flags ?? 0
      const bareAck = flagNames(flags) === 'ACK' && frame.context.settings.bareAck !== 'rst'
      return {
        rule: `flags are [${flagLetters(flags)}], no connection ${frame.from} > ${frame.to} is there, and only a SYN opens one`,
        advice: `it has ended or timed out, or never was: tapvs explain conn ${frame.from}${bareAck ? '; tcp.bare_ack: rst tells such clients' : ''}`,
      }
    },
  },

  tcp_no_rs: {
    says: 'SYN to a service without a real server of weight above 0',
    explain: frame => noRs(frame, '-t', '; when_down: reject tells clients at once'),
  },

  conn_table_full: {
    says: 'first packet of a connection while connections.table_size connections are in use',
    explain: ({ context: { conns }, from }) => ({
      rule: `the first packet of ${from} found ${conns.capacity} places for connections, all in use (${conns.used} now)`,
      advice:
        'connections.table_size in the config, and a restart; shorter timeouts free places sooner',
    }),
  },

  client_share: {
    says: 'first packet of a connection of a client that has its share of what is short',
    explain: frame => ({
      rule: `lports or records are short, and ${frame.src} has its share of them already (connections.client_share)`,
      advice: `a proxy or a NAT with many users behind it: a larger connections.client_share, more LIPs, a larger connections.table_size; else an attacker: keep ${frame.src} out in front of the balancer`,
    }),
  },

  lport_exhausted: {
    says: 'first packet of a connection while every LIP of the service is out of lports towards every real server',
    explain: frame => {
      const { match } = frame
      if (match !== undefined) return noLportOutside(frame, match)
      const lips = frame.service?.local_addresses.map(({ address }) => address) ?? []
      const lports = frame.context.addresses.filter(({ address }) => lips.includes(address))
      const states = lports.map(lip => `${lip.address} ${lip.lports?.misses ?? 0} misses`)
      return {
        rule: `every LIP of ${frame.to} is out of lports towards each real server that takes connections: ${listed(states)}`,
        advice: `one more LIP: tapvs ipvsadm -P -z LIP ${serviceOption(frame)} ${frame.to} -F ARM; or more real servers, each has lports of its own`,
      }
    },
  },

  stopping: {
    says: 'first packet of a connection while the daemon stops and only lets its connections end',
    explain: frame => ({
      rule: `the first packet of ${frame.from} came while the daemon lets its connections end`,
      advice:
        'nothing; control.drain says for how long, and another balancer should have the VIP by now',
    }),
  },

  syn_proxy_waits: {
    says: 'segment of a connection whose real server has not answered its SYN yet (syn_proxy)',
    explain: frame => ({
      rule: `the client of ${frame.to} has brought its cookie back and the real server was sent a SYN; until it answers, only what continues the client is held, and only a SYN+ACK or RST of the real server counts`,
      advice: 'the real server answers late or not at all; what was dropped comes again',
    }),
  },

  syn_proxy_queue: {
    says: 'one more segment of a client than is held until its real server answers (syn_proxy)',
    explain: frame => ({
      rule: `tcp.syn_proxy.max_ack_saved segments of ${frame.from} are held already, and its real server has not answered the SYN yet`,
      advice:
        'the client sends it again; for clients that begin with much, or slow real servers: a larger tcp.syn_proxy.max_ack_saved',
    }),
  },

  tcp_no_lip: {
    says: 'SYN to a service without a LIP',
    explain: frame => noLip(frame, '-t'),
  },
} satisfies DropTable

/** What a real server sends that has the VIP itself: DR and tunnels translate nothing of it. */
export function answersHere(frame: Refused): Explanation {
  return {
    rule: `it comes from ${frame.from}, a service whose real servers are reached by DR or in a tunnel: they answer their clients past here, and nothing of that is translated`,
    advice: `the real server with the MAC ${frame.srcMac} sends its answers here: give it a route to ${frame.dst} by another router, not by an address of ours on ${frame.arm}`,
  }
}

/** `rule` is told of the services of that protocol as they are now, which may be more than when the frame came. */
export function noService(
  frame: Refused,
  protocol: 'tcp' | 'udp',
  rule: (known: string) => string,
): Explanation {
  const services = frame.context.services
    .filter(service => service.protocol === protocol)
    .map(endpointText)
  const option = serviceOption(frame)
  if (services.includes(frame.to)) {
    return {
      rule: `destination ${frame.to} was no service when it came, and is one now`,
      advice: `what comes now is taken, if the service has LIPs and real servers: tapvs ipvsadm -ln ${option} ${frame.to}`,
    }
  }
  return {
    rule: `destination ${frame.to} ${rule(listed(services))}`,
    advice: `if it is to be one: tapvs ipvsadm -A ${option} ${frame.to} -s ${DEFAULT_SCHEDULER}; then -P for its LIPs and -a for its real servers; else a scan by ${frame.src}`,
  }
}

/** ipvsadm's option for the service that the frame is for. */
function serviceOption({ headers }: Refused): string {
  return headers.udp === null ? '-t' : '-u'
}

/** No RS takes what `option` of ipvsadm makes a service for; `more` is what to do besides. */
export function noRs(frame: Refused, option: string, more: string): Explanation {
  const { match } = frame
  if (match !== undefined) return noAddressOutside(frame, match)
  const all = frame.service?.real_servers ?? []
  const first = all[0] && endpointText(all[0])
  const hashed = ofHash(frame, option)
  if (hashed) return hashed
  const states = all.map(rs => {
    const conns = rs.active_conns + rs.inactive_conns
    const full = rs.upper_threshold > 0 && conns >= rs.upper_threshold
    if (rs.backup) return `${endpointText(rs)} weight ${rs.weight}, backup`
    const why = rs.inhibited ? ', its check fails' : full ? `, full with ${conns}` : ''
    return `${endpointText(rs)} weight ${rs.weight}${why}`
  })
  return {
    rule:
      all.length === 0
        ? `service ${frame.to} has no real server`
        : `no real server of ${frame.to} takes connections: ${listed(states)}`,
    advice:
      all.length === 0
        ? `tapvs ipvsadm -a ${option} ${frame.to} -r RS:PORT -b -w 100`
        : `tapvs ipvsadm -e ${option} ${frame.to} -r ${first} -b -w 100${more}`,
  }
}

/** The one RS that the client may have takes no connections, and others do. */
function ofHash({ service, src, to }: Refused, option: string): Explanation | undefined {
  const { scheduler, hash_fallback = false, real_servers = [] } = service ?? {}
  if (!HASH_KEYS.hash_fallback.some(name => name === scheduler) || hash_fallback) return undefined
  const takes = ({ weight, inhibited, backup, ...rs }: (typeof real_servers)[number]) =>
    weight > 0 &&
    !inhibited &&
    !backup &&
    (rs.upper_threshold === 0 || rs.active_conns + rs.inactive_conns < rs.upper_threshold)
  if (!real_servers.some(takes)) return undefined
  return {
    rule: `${scheduler} leads ${src} to a real server of ${to} that takes no connections now, and to no other`,
    advice: `tapvs ipvsadm -E ${option} ${to} -s ${scheduler} --sched-flags ${scheduler}-fallback; with what else it had, and hash_fallback of the config is the same: another one takes them`,
  }
}

export function noLip(frame: Refused, option: string): Explanation {
  return {
    rule: `service ${frame.to} has no LIP to connect to real servers from`,
    advice: `tapvs ipvsadm -P -z LIP ${option} ${frame.to} -F ARM; those of all arms are for services of the config that name none, not for one that ipvsadm -A has made`,
  }
}
