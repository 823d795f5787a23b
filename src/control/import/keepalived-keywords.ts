/** Keywords of keepalived that have no counterpart here, each with the reason. */

const DEFAULT_OF_CHECKS = 'it is for the checkers of keepalived'
const SCRIPTS = 'no scripts are run when a service changes its state; the log tells'
const LISTS = 'deny and allow lists are not supported'

/** Of the top level. */
export const TOP: Record<string, string> = {
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
  linkbeat_interfaces: 'arms are TAPs',
  linkbeat_use_polling: 'arms are TAPs',
  interface_up_down_delays: 'arms are TAPs',
  net_namespace: 'an arm has a netns of its own',
  net_namespace_ipvs: 'an arm has a netns of its own',
  instance: 'it is about keepalived itself',
  use_pid_dir: 'it is about keepalived itself',
  SSL: 'checks by https have no certificate of their own',
  deny_address_group: LISTS,
  allow_address_group: LISTS,
  daddr_group: LISTS,
  waddr_group: LISTS,
}

/** Of a virtual_server. */
export const SERVICE: Record<string, string> = {
  persistence_engine: 'persistence engines are not supported',
  syn_proxy: 'SYN proxy is not supported',
  expire_quiescent_conn: 'connections of a real server with weight 0 live on here',
  proxy_protocol: 'the proxy protocol is not supported; TOA tells real servers the client',
  daddr_group_name: LISTS,
  waddr_group_name: LISTS,
  alpha: 'a real server counts as up until a check says otherwise',
  omega: 'nothing is run when the daemon ends',
  quorum: 'a service is up as long as one real server is',
  hysteresis: 'a service is up as long as one real server is',
  quorum_up: SCRIPTS,
  quorum_down: SCRIPTS,
  sorry_server: 'there is no sorry server; see when_down in config/lab.yaml',
  sorry_server_inhibit: 'there is no sorry server',
  sorry_server_lvs_method: 'there is no sorry server',
  ha_suspend: 'VRRP is not part of tapvs',
  nat_mask: 'keepalived ignores it as well',
  smtp_alert: 'no mail is sent; the log tells',
  ops: 'one-packet scheduling is for UDP',
  hashed: 'rr and wrr do not hash',
  hash_target: 'rr and wrr do not hash',
  'sh-port': 'rr and wrr have no flags',
  'sh-fallback': 'rr and wrr have no flags',
  'mh-port': 'rr and wrr have no flags',
  'mh-fallback': 'rr and wrr have no flags',
  quic: 'UDP is not supported yet',
  bps: 'bandwidth is not limited (nor is it by DPVS)',
  limit_proportion: 'packets are not dropped by chance',
  vip_bind_dev: 'an arm has the addresses that it has',
  abs_priority: 'schedulers are rr and wrr',
  warmup: DEFAULT_OF_CHECKS,
  delay_before_retry: 'a failed check is repeated after its interval',
  weight: 'weights belong to real servers',
  snmp_name: 'there is no SNMP',
}

/** Of a real_server. */
export const SERVER: Record<string, string> = {
  notify_up: SCRIPTS,
  notify_down: SCRIPTS,
  smtp_alert: 'no mail is sent; the log tells',
  alpha: 'a real server counts as up until a check says otherwise',
  warmup: DEFAULT_OF_CHECKS,
  delay_before_retry: 'a failed check is repeated after its interval',
  snmp_name: 'there is no SNMP',
  proxy_protocol: 'the proxy protocol is not supported; TOA tells real servers the client',
}

/** What says nothing that is not so anyway. */
export const NEUTRAL = new Set([
  'quorum 1',
  'hysteresis 0',
  'ip_family inet',
  'inhibit_on_failure',
  'proxy_protocol none',
  'proxy_protocol disable',
])
