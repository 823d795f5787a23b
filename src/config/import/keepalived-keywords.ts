/** Keywords of keepalived: where they may stand, and why some have no counterpart here. */

import { THRESHOLD_MAX, WEIGHT_MAX } from '../../api/limits.ts'
import type { Forwarding } from '../../api/words.ts'
import { allOf, SCHEDULER_NAMES } from '../../api/words.ts'
import { byWord } from '../../see/text/by-word.ts'
import type { Grammar, Statement } from './keepalived-statement.ts'
import { short } from './short.ts'

const DEFAULT_OF_CHECKS = 'it is for the checkers of keepalived'
const SCRIPTS = 'no scripts are run when a service changes its state; the log tells'
const LINKS = 'the links of arms are looked at by tapvs itself'
const INHIBIT = 'connections of a real server that is down live on here'

/** Of the top level. */
const TOP: Readonly<Record<string, string>> = byWord({
  global_defs: 'it is about keepalived itself',
  vrrp_instance: 'VRRP is not part of tapvs; its addresses belong to an arm',
  vrrp_sync_group: 'VRRP is not part of tapvs',
  vrrp_script: 'VRRP is not part of tapvs',
  vrrp_track_process: 'VRRP is not part of tapvs',
  vrrp_track_file: 'VRRP is not part of tapvs',
  track_file: 'VRRP is not part of tapvs',
  track_process: 'VRRP is not part of tapvs',
  garp_group: 'VRRP is not part of tapvs',
  bfd_instance: 'BFD is not part of tapvs',
  static_ipaddress: 'addresses belong to an arm: put them there',
  static_routes: 'routes belong to an arm: put them there',
  static_rules: 'there are no rules of routing',
  linkbeat_interfaces: LINKS,
  linkbeat_use_polling: LINKS,
  interface_up_down_delays: LINKS,
  net_namespace: 'an arm has a netns of its own',
  net_namespace_ipvs: 'an arm has a netns of its own',
  instance: 'it is about keepalived itself',
  use_pid_dir: 'it is about keepalived itself',
  SSL: 'checks by https have no certificate of their own',
})

/** What a match service goes by. */
export const ONLY_MATCH = ['src-range', 'dst-range', 'iif', 'oif'] as const

/** Of a virtual_server. */
const SERVICE: Readonly<Record<string, string>> = byWord({
  persistence_engine: 'persistence engines are not supported',
  expire_quiescent_conn: 'connections of a real server with weight 0 live on here',
  inhibit_on_failure: INHIBIT,
  ip_family: 'the address says it',
  alpha: 'a real server counts as up until a check says otherwise',
  omega: 'nothing is run when the daemon ends',
  quorum: 'a service is up as long as one real server is',
  hysteresis: 'a service is up as long as one real server is',
  quorum_up: SCRIPTS,
  quorum_down: SCRIPTS,
  sorry_server_inhibit: 'the sorry server keeps the connections that it has here, always',
  sorry_server_lvs_method: 'the sorry server is reached as lb_kind says',
  ha_suspend: 'VRRP is not part of tapvs',
  nat_mask: 'keepalived ignores it as well',
  smtp_alert: 'no mail is sent; the log tells',
  hashed: 'LVS sets this flag by itself, and it changes nothing',
  bps: 'bandwidth is not limited (nor is it by DPVS)',
  limit_proportion: 'packets are not dropped by chance',
  vip_bind_dev: 'an arm has the addresses that it has',
  abs_priority: `schedulers are ${allOf(SCHEDULER_NAMES)}`,
  warmup: DEFAULT_OF_CHECKS,
  delay_before_retry: 'a failed check is repeated after its interval',
  weight: 'weights belong to real servers',
  snmp_name: 'there is no SNMP',
  ...Object.fromEntries(ONLY_MATCH.map(word => [word, 'it is for virtual_server match'])),
})

/** Of a real_server. */
const SERVER: Readonly<Record<string, string>> = byWord({
  notify_up: SCRIPTS,
  notify_down: SCRIPTS,
  smtp_alert: 'no mail is sent; the log tells',
  alpha: 'a real server counts as up until a check says otherwise',
  warmup: DEFAULT_OF_CHECKS,
  delay_before_retry: 'a failed check is repeated after its interval',
  snmp_name: 'there is no SNMP',
  inhibit_on_failure: INHIBIT,
  proxy_protocol: 'it is for a whole virtual_server',
})

/** Of a checker, and of its url. */
const PATHS = 'checks take the path of the traffic, from a LIP to the real server'
const PATTERNS = 'there is no pattern; set expect to a text that must be in the page'
const CHECK: Readonly<Record<string, string>> = byWord({
  connect_ip: PATHS,
  bindto: PATHS,
  bind_if: PATHS,
  bind_port: PATHS,
  fwmark: PATHS,
  delay_before_retry: 'a failed check is repeated after its interval',
  warmup: 'checks are spread over their interval anyway',
  digest: 'there is no digest of a page; set expect to a text that must be in it',
  regex: PATTERNS,
  regex_no_match: PATTERNS,
  regex_options: PATTERNS,
  regex_stack: PATTERNS,
  regex_min_offset: PATTERNS,
  regex_max_offset: PATTERNS,
  misc_dynamic: 'the exit code of a script does not set the weight',
  user: 'scripts run as the user of the daemon',
  enable_sni: 'the host is the name in TLS as well',
  alpha: 'a real server counts as up until a check says otherwise',
  log_all_failures: 'the log tells when a real server goes down, and why',
  http_protocol: 'checks speak HTTP/1.1 and close the connection',
  fast_recovery: 'a check asks for one page',
  min_reply_length: 'an answer may have any length',
  max_reply_length: 'an answer may have any length',
})

/** What says nothing that is not so anyway. */
const NEUTRAL = new Set([
  ...[
    'quorum 1',
    'hysteresis 0',
    'ip_family inet',
    'ip_family inet6',
    'alpha off',
    'alpha no',
    'alpha false',
  ],
  ...['', ' on', ' yes', ' true'].map(value => `inhibit_on_failure${value}`),
  ...['none', 'disable'].map(value => `proxy_protocol ${value}`),
])

export function isNeutral(statement: string): boolean {
  return NEUTRAL.has(statement)
}

export const CHECKERS = [
  ...['TCP_CHECK', 'HTTP_GET', 'SSL_GET', 'MISC_CHECK', 'SMTP_CHECK', 'DNS_CHECK', 'UDP_CHECK'],
  ...['PING_CHECK', 'BFD_CHECK', 'FILE_CHECK'],
]
/** Of the top level => what they are groups of. */
export const GROUPS = {
  virtual_server_group: 'vips',
  local_address_group: 'lips',
  deny_address_group: 'deny',
  daddr_group: 'deny',
  allow_address_group: 'allow',
  waddr_group: 'allow',
} as const
export type GroupKind = (typeof GROUPS)[keyof typeof GROUPS]
const GROUP_WORDS = Object.keys(GROUPS)
/** Weight and thresholds of a real server => its field here, and the most that it takes. */
export const NUMBERS = [
  ['weight', 'weight', WEIGHT_MAX],
  ['uthreshold', 'upper_threshold', THRESHOLD_MAX],
  ['lthreshold', 'lower_threshold', THRESHOLD_MAX],
] as const

/** That carry something over, each with what it sets; those that may stand there more than once set nothing. */
export const FOR_CHECKS = {
  ...{ delay_loop: 'delay_loop', connect_timeout: 'connect_timeout', virtualhost: 'virtualhost' },
  ...{ retry: 'retry', nb_get_retry: 'retry', nb_sock_retry: 'retry' },
}
/** Words that stand alone in a virtual_server, and what they come to. */
export const FLAG_FIELDS: Readonly<Record<string, object>> = byWord({
  ops: { one_packet: true },
  syn_proxy: { syn_proxy: 'on' },
  quic: { quic: true },
})
const HASH_FLAGS = ['sh-port', 'sh-fallback', 'mh-port', 'mh-fallback']
const SETS_SERVICE: Readonly<Record<string, string | undefined>> = byWord({
  ...FOR_CHECKS,
  ...{ lb_algo: 'lb_algo', lvs_sched: 'lb_algo', lb_kind: 'lb_kind', lvs_method: 'lb_kind' },
  ...{ establish_timeout: 'timeout', est_timeout: 'timeout', laddr_group_name: 'laddr_group_name' },
  ...{ protocol: 'protocol', persistence_timeout: 'persistence_timeout' },
  ...{ persistence_granularity: 'persistence_granularity', real_server: undefined },
  ...{
    sorry_server: 'sorry_server',
    ops: 'flag',
    quic: 'flag',
    syn_proxy: 'flag',
    hash_target: 'hash_target',
  },
  ...{ proxy_protocol: 'proxy_protocol', daddr_group_name: 'deny', waddr_group_name: 'allow' },
  ...Object.fromEntries(HASH_FLAGS.map(word => [word, word])),
})
const SETS_SERVER: Readonly<Record<string, string | undefined>> = byWord({
  ...FOR_CHECKS,
  ...{ lb_kind: 'lb_kind', lvs_method: 'lb_kind' },
  ...Object.fromEntries(NUMBERS.map(([word]) => [word, word])),
  ...Object.fromEntries(CHECKERS.map(word => [word, undefined])),
})
const SETS_CHECK: Readonly<Record<string, string | undefined>> = byWord({
  ...FOR_CHECKS,
  ...{ connect_port: 'connect_port', misc_path: 'misc_path', misc_timeout: 'misc_timeout' },
  ...{ payload: 'payload', require_reply: 'require_reply', type: 'type', name: 'name' },
  url: undefined,
})
const SETS_URL: Readonly<Record<string, string | undefined>> = byWord({
  ...FOR_CHECKS,
  ...{ path: 'path', status_code: 'status_code' },
})

/** The words that may begin a statement in a block, and what they set. */
export class Block implements Grammar {
  readonly keywords: readonly string[]
  readonly sets: (keyword: string) => string | undefined
  readonly reasons: Record<string, string>

  constructor(sets: Record<string, string | undefined>, reasons: Record<string, string>) {
    this.keywords = [...Object.keys(sets), ...Object.keys(reasons)]
    this.reasons = reasons
    this.sets = keyword => (Object.hasOwn(sets, keyword) ? sets[keyword] : undefined)
  }

  knows = (word: string) => this.keywords.includes(word)
  least = (keyword: string) => (FLAGS.has(keyword) ? 0 : (LONG[keyword] ?? 1))
  hasBlock = (keyword: string) => BLOCKS.has(keyword)
}

/** Keywords that may stand alone, and such with more than one word. */
const FLAGS = new Set([
  ...[...CHECKERS, 'url', 'alpha', 'omega', 'ops', 'hashed', 'quic', 'syn_proxy', 'smtp_alert'],
  ...['inhibit_on_failure', 'sorry_server_inhibit', 'ha_suspend', 'misc_dynamic', 'enable_sni'],
  ...['sh-port', 'sh-fallback', 'mh-port', 'mh-fallback', 'expire_quiescent_conn', 'SSL'],
  ...[
    'persistence_timeout',
    'require_reply',
    'regex_no_match',
    'fast_recovery',
    'log_all_failures',
  ],
])
const LONG: Readonly<Record<string, number>> = byWord({
  virtual_server: 2,
  real_server: 2,
  sorry_server: 2,
})
const BLOCKS = new Set([
  'virtual_server',
  ...GROUP_WORDS,
  'real_server',
  ...CHECKERS,
  'url',
  'host',
])

export const IN_FILE = new Block(
  Object.fromEntries(['virtual_server', ...GROUP_WORDS].map(word => [word, undefined])),
  TOP,
)
export const IN_SERVICE = new Block(SETS_SERVICE, SERVICE)
export const IN_SERVER = new Block(SETS_SERVER, SERVER)
export const IN_CHECK = new Block(SETS_CHECK, CHECK)
export const IN_URL = new Block(SETS_URL, CHECK)

/** Why none of a virtual_server can be carried over. */
export function otherKind(block: readonly Statement[]): string | undefined {
  for (const statement of block) {
    const what = IN_SERVICE.sets(statement.keyword)
    if (what !== 'protocol' && what !== 'lb_kind') continue
    const { value = '' } = statement
    const word = value.toUpperCase()
    if (what === 'protocol' && word !== 'TCP' && word !== 'UDP')
      return `${short(value)} is not supported`
    if (what === 'lb_kind' && word === 'SNAT')
      return 'SNAT is supported of virtual_server match alone'
  }
  return undefined
}

/** How real servers are reached, by lb_kind. */
export const WAYS: Readonly<Record<string, Forwarding>> = byWord({
  NAT: 'nat',
  DR: 'dr',
  TUN: 'tunnel',
  FNAT: 'fullnat',
} as const)
