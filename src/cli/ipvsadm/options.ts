/**
 * The commands and options of ipvsadm, as DPVS has them. What is refused stands here too, so that a script hears why
 * and not that its option is unknown.
 */

import { type ServiceFields, WHEN_DOWN } from '../../api/edits.ts'
import { COMMON_OPTIONS, type OptionRow } from '../grammar/options.ts'

export const SCHEDULERS = ['wrr', 'rr'] as const satisfies readonly ServiceFields['scheduler'][]
export const BACKUP = ['yes', 'no'] as const

export type CommandName =
  | 'add-service'
  | 'edit-service'
  | 'delete-service'
  | 'clear'
  | 'add-server'
  | 'edit-server'
  | 'delete-server'
  | 'add-laddr'
  | 'del-laddr'
  | 'get-laddr'
  | 'list'
  | 'zero'
  | 'set'
  | 'save'
  | 'restore'

export interface CommandRow extends OptionRow {
  long: CommandName
  /** Options by their long names. */
  needs: readonly string[]
  takes: readonly string[]
}

const SERVICE_FIELDS = ['scheduler', 'persistent', 'netmask', 'conn-timeout', 'when-down']
const SERVER_FIELDS = ['fullnat', 'weight', 'u-threshold', 'l-threshold', 'backup']

export const COMMANDS: readonly CommandRow[] = [
  {
    long: 'add-service',
    short: 'A',
    help: 'add a service',
    needs: ['tcp-service'],
    takes: SERVICE_FIELDS,
  },
  {
    long: 'edit-service',
    short: 'E',
    help: 'change a service; what is left out gets its default again',
    needs: ['tcp-service'],
    takes: SERVICE_FIELDS,
  },
  {
    long: 'delete-service',
    short: 'D',
    help: 'delete a service with its real servers',
    needs: ['tcp-service'],
    takes: [],
  },
  { long: 'clear', short: 'C', help: 'delete all services', needs: [], takes: [] },
  {
    long: 'add-server',
    short: 'a',
    help: 'add a real server to a service',
    needs: ['tcp-service', 'real-server'],
    takes: SERVER_FIELDS,
  },
  {
    long: 'edit-server',
    short: 'e',
    help: 'change a real server; what is left out keeps its value',
    needs: ['tcp-service', 'real-server'],
    takes: SERVER_FIELDS,
  },
  {
    long: 'delete-server',
    short: 'd',
    help: 'delete a real server',
    needs: ['tcp-service', 'real-server'],
    takes: [],
  },
  {
    long: 'add-laddr',
    short: 'P',
    help: 'give a service a LIP, and the LIP to its arm if it is not there yet',
    needs: ['laddr', 'tcp-service', 'ifname'],
    takes: [],
  },
  {
    long: 'del-laddr',
    short: 'Q',
    help: 'take a LIP from a service',
    needs: ['laddr', 'tcp-service', 'ifname'],
    takes: [],
  },
  {
    long: 'get-laddr',
    short: 'G',
    help: 'list the LIPs of one service or all',
    needs: [],
    takes: ['tcp-service', 'numeric'],
  },
  {
    long: 'list',
    short: 'Ll',
    help: 'list services, or connections with -c; what happens without any command',
    needs: [],
    takes: [
      'tcp-service',
      'numeric',
      'connection',
      'stats',
      'rate',
      'thresholds',
      'timeout',
      'exact',
      'sort',
      'nosort',
      'sockpair',
      'cpu',
    ],
  },
  {
    long: 'zero',
    short: 'Z',
    help: 'start the statistics of one service or all at 0 again',
    needs: [],
    takes: ['tcp-service'],
  },
  {
    long: 'set',
    values: ['TCP', 'TCPFIN', 'UDP'],
    help: 'timeouts of ESTABLISHED and FIN_WAIT in seconds; 0 keeps the value, that of UDP is ignored',
    needs: [],
    takes: [],
  },
  {
    long: 'save',
    short: 'S',
    help: 'print all services as commands that --restore reads',
    needs: [],
    takes: ['tcp-service', 'numeric'],
  },
  {
    long: 'restore',
    short: 'R',
    help: 'carry out the commands on standard input, all of them or none',
    needs: [],
    takes: [],
  },
]

export const OPTIONS: readonly OptionRow[] = [
  {
    long: 'tcp-service',
    short: 't',
    values: ['VIP:PORT'],
    choices: 'service',
    help: 'the service; the port may be a name of /etc/services',
  },
  {
    long: 'scheduler',
    short: 's',
    values: ['SCHEDULER'],
    choices: SCHEDULERS,
    help: `${SCHEDULERS.join(' or ')}; default ${SCHEDULERS[0]}`,
  },
  {
    long: 'persistent',
    short: 'p',
    values: ['SECONDS'],
    optional: true,
    help: 'a client keeps its real server for so long after its last connection; 360 if no time is given',
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
    help: "timeout of the service's ESTABLISHED connections; 0, the default, is that of --set",
  },
  {
    long: 'when-down',
    values: ['ANSWER'],
    choices: WHEN_DOWN,
    help: 'what a SYN gets that no real server can take: drop (default) or reject, which is a RST; all: while all checks fail, as if none did',
  },
  {
    long: 'real-server',
    short: 'r',
    values: ['RIP[:PORT]'],
    choices: 'server',
    help: "the real server; without a port it is the service's",
  },
  { long: 'fullnat', short: 'b', help: 'forward by FullNAT, which is the default' },
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
  { long: 'laddr', short: 'z', values: ['LIP'], choices: 'lip', help: 'the local address' },
  { long: 'ifname', short: 'F', values: ['ARM'], choices: 'arm', help: 'the arm of the LIP' },
  { long: 'connection', short: 'c', help: 'list the connections' },
  {
    long: 'sockpair',
    values: ['tcp:CIP:CPORT:VIP:VPORT'],
    help: 'list the one connection of this client to this service',
  },
  { long: 'cpu', values: ['N'], help: 'list the connections of worker N only' },
  { long: 'stats', help: 'list connections, packets and bytes so far' },
  { long: 'rate', help: 'list connections, packets and bytes per second' },
  { long: 'thresholds', help: 'list the limits of real servers' },
  { long: 'timeout', help: 'print the timeouts that --set sets' },
  { long: 'exact', short: 'X', help: 'large numbers in full, without K, M, G and T' },
  { long: 'numeric', short: 'n', help: 'addresses and ports as numbers; always on' },
  { long: 'sort', help: 'sort services and real servers by address and port; always on' },
  { long: 'nosort', help: "in the order of the daemon's answer instead" },
  { long: 'version', short: 'v', help: 'print the version' },
  ...COMMON_OPTIONS,
]

const FULLNAT_ONLY =
  'forwarding is by FullNAT (-b) only, because every answer has to come back here'
const LISTS = 'there are no allow and deny lists yet; filter in front of the balancer'
const UDP_ONLY = 'is for UDP, which is not supported yet'
const ONE_NODE = 'there is no connection synchronisation'
const NO_FLAG = 'is not supported; leave it out'

/** What other builds have; read, so that their errors can say why. */
export const REFUSED: readonly (OptionRow & { refused: string })[] = [
  { long: 'udp-service', short: 'u', refused: 'UDP is not supported yet; services are TCP (-t)' },
  { long: 'sctp-service', refused: 'SCTP is not supported; services are TCP (-t)' },
  {
    long: 'icmp-service',
    short: 'q',
    refused: 'ICMP services are not supported; pings of a VIP are answered',
  },
  { long: 'icmpv6-service', short: '1', refused: 'IPv6 is not supported yet' },
  { long: 'ipv6', short: '6', refused: 'IPv6 is not supported yet' },
  {
    long: 'fwmark-service',
    short: 'f',
    refused: 'firewall marks are not supported; name the service by -t VIP:PORT',
  },
  {
    long: 'match',
    short: 'H',
    refused: 'match services (SNAT) are not supported; name the service by -t VIP:PORT',
  },
  { long: 'gatewaying', short: 'g', refused: FULLNAT_ONLY },
  { long: 'ipip', short: 'i', refused: FULLNAT_ONLY },
  { long: 'masquerading', short: 'm', refused: FULLNAT_ONLY },
  { long: 'snat', short: 'J', refused: FULLNAT_ONLY },
  { long: 'ops', short: 'o', refused: UDP_ONLY },
  { long: 'quic', refused: UDP_ONLY },
  {
    long: 'synproxy',
    short: 'j',
    refused: 'SYN proxy is not supported; the SYN goes to the real server',
  },
  {
    long: 'proxy-protocol',
    refused: 'is not supported; the client address travels in TOA (tcp.toa in the config)',
  },
  { long: 'expire-quiescent', refused: NO_FLAG },
  {
    long: 'hash-target',
    refused: 'is for conhash, which is not supported; schedulers are rr and wrr',
  },
  { long: 'sched-flags', refused: 'schedulers have no flags here; schedulers are rr and wrr' },
  { long: 'pe', refused: 'persistence is by client address only; leave it out' },
  { long: 'persistent-conn', refused: 'who keeps which real server is not listed yet' },
  { long: 'dest-check', refused: 'is not supported here; health checks are set in the config' },
  { long: 'add-deny', short: 'U', refused: LISTS },
  { long: 'del-deny', short: 'V', refused: LISTS },
  { long: 'get-deny', short: 'B', refused: LISTS },
  { long: 'deny-address', short: 'k', refused: LISTS },
  { long: 'add-allow', short: 'O', refused: LISTS },
  { long: 'del-allow', short: 'Y', refused: LISTS },
  { long: 'get-allow', short: 'W', refused: LISTS },
  { long: 'allow-address', short: '2', refused: LISTS },
  { long: 'start-daemon', refused: ONE_NODE },
  { long: 'stop-daemon', refused: ONE_NODE },
  { long: 'daemon', refused: ONE_NODE },
  { long: 'mcast-interface', refused: ONE_NODE },
  { long: 'syncid', refused: ONE_NODE },
].map(row => ({ ...row, help: 'not supported' }))
