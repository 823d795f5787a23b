/**
 * The commands of ipvsadm, as DPVS has them, with the options that each takes. What is refused is in refused.ts, so that a script hears
 * why and not that its option is unknown.
 */

import type { OptionRow } from '../grammar/options.ts'
import { FORWARD_OPTIONS, RATE_OPTIONS, SERVICE } from './options.ts'

const SERVICE_FIELDS = [
  ...[
    'scheduler',
    'sched-flags',
    'hash-target',
    'persistent',
    'netmask',
    'conn-timeout',
    'when-down',
    'synproxy',
    'synproxy-above',
    'ops',
    'quic',
    'proxy-protocol',
  ],
  ...[...Object.keys(RATE_OPTIONS), 'acl-established'],
]
const SERVER_FIELDS = [
  ...Object.values(FORWARD_OPTIONS).map(({ long }) => long),
  'snat',
  'weight',
  'u-threshold',
  'l-threshold',
  'backup',
]

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
  | 'add-deny'
  | 'del-deny'
  | 'get-deny'
  | 'add-allow'
  | 'del-allow'
  | 'get-allow'
  | 'list'
  | 'zero'
  | 'set'
  | 'save'
  | 'restore'

export interface CommandRow extends OptionRow {
  long: CommandName
  /** Options by their long names, and SERVICE. */
  needs: readonly string[]
  takes: readonly string[]
}

export const COMMANDS: readonly CommandRow[] = [
  {
    long: 'add-service',
    short: 'A',
    help: 'add a service',
    needs: [SERVICE],
    takes: SERVICE_FIELDS,
  },
  {
    long: 'edit-service',
    short: 'E',
    help: 'change a service; what is left out gets its default again',
    needs: [SERVICE],
    takes: SERVICE_FIELDS,
  },
  {
    long: 'delete-service',
    short: 'D',
    help: 'delete a service with its real servers',
    needs: [SERVICE],
    takes: [],
  },
  { long: 'clear', short: 'C', help: 'delete all services', needs: [], takes: [] },
  {
    long: 'add-server',
    short: 'a',
    help: 'add a real server to a service',
    needs: [SERVICE, 'real-server'],
    takes: SERVER_FIELDS,
  },
  {
    long: 'edit-server',
    short: 'e',
    help: 'change a real server; what is left out keeps its value',
    needs: [SERVICE, 'real-server'],
    takes: SERVER_FIELDS,
  },
  {
    long: 'delete-server',
    short: 'd',
    help: 'delete a real server',
    needs: [SERVICE, 'real-server'],
    takes: [],
  },
  {
    long: 'add-laddr',
    short: 'P',
    help: 'give a service a LIP, and the LIP to its arm if it is not there yet',
    needs: ['laddr', SERVICE, 'ifname'],
    takes: [],
  },
  {
    long: 'del-laddr',
    short: 'Q',
    help: 'take a LIP from a service',
    needs: ['laddr', SERVICE, 'ifname'],
    takes: [],
  },
  {
    long: 'get-laddr',
    short: 'G',
    help: 'list the LIPs of one service or all',
    needs: [],
    takes: [SERVICE, 'numeric'],
  },
  {
    long: 'add-deny',
    short: 'U',
    help: 'put an address or network on the deny list of a service',
    needs: [SERVICE, 'deny-address'],
    takes: [],
  },
  {
    long: 'del-deny',
    short: 'V',
    help: 'take one off the deny list of a service',
    needs: [SERVICE, 'deny-address'],
    takes: [],
  },
  {
    long: 'get-deny',
    short: 'B',
    help: 'print the deny list of one service or all; with --stats what each prefix has met',
    needs: [],
    takes: [SERVICE, 'numeric', 'stats'],
  },
  {
    long: 'add-allow',
    short: 'O',
    help: 'put an address or network on the allow list of a service, which then takes no others',
    needs: [SERVICE, 'allow-address'],
    takes: [],
  },
  {
    long: 'del-allow',
    short: 'Y',
    help: 'take one off the allow list of a service',
    needs: [SERVICE, 'allow-address'],
    takes: [],
  },
  {
    long: 'get-allow',
    short: 'W',
    help: 'print the allow list of one service or all; with --stats what each prefix has met',
    needs: [],
    takes: [SERVICE, 'numeric', 'stats'],
  },
  {
    long: 'list',
    short: 'Ll',
    help: 'list services, or connections with -c; what happens without any command',
    needs: [],
    takes: [
      SERVICE,
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
    takes: [SERVICE],
  },
  {
    long: 'set',
    values: ['TCP', 'TCPFIN', 'UDP'],
    help: 'timeouts of ESTABLISHED, of FIN_WAIT, and of UDP whether answered or not, in seconds; 0 keeps the value',
    needs: [],
    takes: [],
  },
  {
    long: 'save',
    short: 'S',
    help: 'print all services as commands that --restore reads',
    needs: [],
    takes: [SERVICE, 'numeric'],
  },
  {
    long: 'restore',
    short: 'R',
    help: 'carry out the commands on standard input, all of them or none',
    needs: [],
    takes: [],
  },
]
