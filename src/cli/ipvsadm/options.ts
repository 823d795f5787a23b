/** The options of ipvsadm, as DPVS has them. */

import { PERSISTENCE_SEC } from '../../api/edits.ts'
import { MATCH_PROTOCOLS, PROTOCOL_NAMES, PROTOCOLS } from '../../api/protocols.ts'
import {
  ACL_ESTABLISHED,
  HASH_TARGETS,
  oneOf,
  SCHEDULER_NAMES,
  SYN_PROXY_ABOVE,
  WHEN_DOWN,
} from '../../api/words.ts'
import { COMMON_OPTIONS, type OptionRow } from '../grammar/options.ts'
import { SCHED_FLAGS, schedulersHelp } from './scheduling.ts'

export const BACKUP = ['yes', 'no'] as const

/** As DPVS has them. */
export const SYN_PROXY_WORDS = ['disable', 'enable', 'auto'] as const
export const PROXY_WORDS = ['disable', 'v1', 'v2', 'v1-insecure', 'v2-insecure'] as const

/** Each with the field of a service that it sets. */
export const RATE_OPTIONS = {
  'connection-rate': 'connection_rate',
  'connection-burst': 'connection_burst',
  'client-rate': 'client_rate',
  'client-burst': 'client_burst',
} as const

/** How a real server is reached. */
export const FORWARD_OPTIONS = {
  fullnat: {
    long: 'fullnat',
    short: 'b',
    help: 'forward by FullNAT, which is the default: it sees a LIP as the client',
  },
  nat: {
    long: 'masquerading',
    short: 'm',
    help: 'forward by NAT: it sees the client, and answers through here, which is its gateway',
  },
  dr: {
    long: 'gatewaying',
    short: 'g',
    help: 'forward by its MAC alone (direct routing): it has the VIP itself, and answers the client',
  },
  tunnel: {
    long: 'ipip',
    short: 'i',
    help: 'forward in a tunnel of IP in IP: it has the VIP itself, and answers the client',
  },
} as const

/** Stands for the options that name a service, one of which is given. */
export const SERVICE = 'service'
export const SERVICE_OPTIONS: readonly string[] = [
  ...PROTOCOL_NAMES.map(name => `${name}-service`),
  'match',
]

export const OPTIONS: readonly OptionRow[] = [
  ...PROTOCOL_NAMES.map(name => ({
    long: `${name}-service`,
    short: PROTOCOLS[name].letter,
    values: ['VIP:PORT'],
    choices: 'service' as const,
    help: `the service, of ${PROTOCOLS[name].label}; the port may be a name of /etc/services`,
  })),
  {
    long: 'match',
    short: 'H',
    values: ['MATCH'],
    help: 'the service of what hosts inside send to anybody, by SNAT: proto=tcp|udp|icmp and one or more of src-range=A-B, dst-range=A-B, iif=ARM, oif=ARM, perhaps af=ipv6, with commas between',
  },
  {
    long: 'scheduler',
    short: 's',
    values: ['SCHEDULER'],
    choices: SCHEDULER_NAMES,
    help: schedulersHelp(),
  },
  {
    long: 'sched-flags',
    values: ['FLAGS'],
    choices: SCHED_FLAGS,
    help: 'with -s, several with commas between: NAME-fallback, another real server takes what the one of the hash cannot; NAME-port, the port of the client counts as well',
  },
  {
    long: 'hash-target',
    values: ['TARGET'],
    choices: HASH_TARGETS,
    help: 'with -s conhash: by the address of the client (sip, the default), or by the connection ID of gQUIC where a datagram has one (qid)',
  },
  {
    long: 'persistent',
    short: 'p',
    values: ['SECONDS'],
    optional: true,
    help: `a client keeps its real server for so long after its last connection; ${PERSISTENCE_SEC} if no time is given`,
  },
  {
    long: 'netmask',
    short: 'M',
    values: ['MASK'],
    help: 'with -p: clients of one network are one; default 255.255.255.255',
  },
  {
    long: 'conn-timeout',
    values: ['SECONDS'],
    help: "timeout of the service's ESTABLISHED connections, of UDP of all; 0, the default, is that of --set",
  },
  {
    long: 'when-down',
    values: ['ANSWER'],
    choices: WHEN_DOWN,
    help: 'what a SYN, or a datagram of no connection, gets that no real server can take: drop (default) or reject, which is a RST, or of UDP an ICMP error; all: while all checks fail, as if none did',
  },
  {
    long: 'ops',
    short: 'o',
    help: 'one packet, of UDP: each datagram is scheduled by itself, and answers do not come back',
  },
  {
    long: 'quic',
    help: 'of UDP: a client of QUIC that has moved stays at the real server that its connection ID names',
  },
  {
    long: 'proxy-protocol',
    values: ['VERSION'],
    choices: PROXY_WORDS,
    help: "a header tells real servers the client, in place of TOA and UOA: v1 or v2, or v1-insecure or v2-insecure, which keep what a client's own header says; of UDP v2; disable is the default",
  },
  {
    long: 'synproxy',
    short: 'j',
    values: ['ANSWER'],
    choices: SYN_PROXY_WORDS,
    help: 'of TCP: SYNs are answered by a cookie, and a connection begins when it comes back: enable, or auto for while many come; disable is the default',
  },
  {
    long: 'synproxy-above',
    values: ['NUMBER'],
    help: `with -j auto: SYNs without connection in a second above which it begins; default ${SYN_PROXY_ABOVE}`,
  },
  {
    long: 'real-server',
    short: 'r',
    values: ['RIP[:PORT]'],
    choices: 'server',
    help: "the real server; without a port it is the service's",
  },
  ...Object.values(FORWARD_OPTIONS),
  {
    long: 'snat',
    short: 'J',
    help: 'with -H: -r is the address that connections have outside, a local address of the arm there',
  },
  {
    long: 'weight',
    short: 'w',
    values: ['WEIGHT'],
    help: '0-65535, default 1; 0 takes no new connections',
  },
  {
    long: 'u-threshold',
    short: 'x',
    values: ['CONNS'],
    help: 'no new connections from so many on; 0, the default, is no limit',
  },
  {
    long: 'l-threshold',
    short: 'y',
    values: ['CONNS'],
    help: 'once -x was reached, no new connections until there are fewer than so many; 0, the default, is the same as -x',
  },
  {
    long: 'backup',
    values: ['ANSWER'],
    optional: true,
    choices: BACKUP,
    help: 'connections only while no other real server has a weight (a sorry server): yes, if nothing follows, or no',
  },
  {
    long: 'connection-rate',
    values: ['NUMBER'],
    help: 'new connections of the service in a second; 0, the default, is any number',
  },
  {
    long: 'connection-burst',
    values: ['NUMBER'],
    help: 'with --connection-rate: so many at once; default: as many as in a second',
  },
  {
    long: 'client-rate',
    values: ['NUMBER'],
    help: 'new connections of each client address in a second; 0, the default, is any number',
  },
  {
    long: 'client-burst',
    values: ['NUMBER'],
    help: 'with --client-rate: so many at once; default: as many as in a second',
  },
  {
    long: 'acl-established',
    values: ['ANSWER'],
    choices: ACL_ESTABLISHED,
    help: 'what becomes of connections that a changed deny or allow list refuses: drop (default) ends them, keep lets them go on',
  },
  {
    long: 'deny-address',
    short: 'k',
    values: ['PREFIX'],
    help: 'with -U, -V: an address, or a network like 192.0.2.0/24',
  },
  {
    long: 'allow-address',
    short: '2',
    values: ['PREFIX'],
    help: 'with -O, -Y: the same',
  },
  { long: 'laddr', short: 'z', values: ['LIP'], choices: 'lip', help: 'the local address' },
  { long: 'ifname', short: 'F', values: ['ARM'], choices: 'arm', help: 'the arm of the LIP' },
  {
    long: 'connection',
    short: 'c',
    help: 'list the connections; those of one service with its -t or -u',
  },
  {
    long: 'sockpair',
    values: ['PROTOCOL:CIP:CPORT:VIP:VPORT'],
    help: `list the one connection of this client to this service; PROTOCOL is ${oneOf(MATCH_PROTOCOLS)}; of a ping CPORT is its identifier, VPORT 0`,
  },
  { long: 'cpu', values: ['N'], help: 'list the connections of worker N only' },
  { long: 'stats', help: 'list connections, packets and bytes so far' },
  { long: 'rate', help: 'list connections, packets and bytes per second' },
  { long: 'thresholds', help: 'list the limits of real servers' },
  { long: 'timeout', help: 'print the timeouts that --set sets' },
  { long: 'exact', short: 'X', help: 'large numbers in full, without K, M, G and T' },
  { long: 'numeric', short: 'n', help: 'addresses and ports as numbers; always on' },
  { long: 'sort', help: 'sort services and real servers by address and port; always on' },
  { long: 'nosort', help: 'in the order of the config instead' },
  { long: 'version', short: 'v', help: 'print the version' },
  ...COMMON_OPTIONS,
]
