import type { EventName } from '../../api/names.ts'

/** What else happened beside drops, by the name of the event. */
export const EVENT_WORDS: Record<EventName, string> = {
  conns_opened: 'connections opened',
  conns_expired: 'connections that ended',
  toa_added: 'segments that carry the client address to the real server',
  toa_no_room: 'segments without room for TOA among the TCP options',
  toa_mtu: 'segments that TOA would have made larger than the MTU',
  toa_forged: 'TOA options of clients, made void',
  rst_on_expiry: 'RSTs to both ends of established connections that timed out',
  rst_bare_ack: 'RSTs to ACKs without a connection',
  arp_replies: 'ARP requests answered',
  arp_requests: 'ARP requests sent',
  arp_gratuitous: 'gratuitous ARP sent for our addresses',
  neigh_learned: 'ARP replies learned from',
  neigh_moved: 'neighbours that changed their MAC',
  neigh_failed: 'neighbours that did not answer',
  icmp_echo_replies: 'pings answered',
  syn_reused: 'SYNs that began another connection in the place of one that was over',
  trace_lost: 'log records lost because the log was too slow',
  rx_errors: 'failed reads from an arm',
  arm_reattached: 'arms that came back',
  handed_over: 'packets read by one worker and handed to the one that owns them',
  rst_no_rs: 'RSTs to SYNs that no real server could take (when_down: reject)',
  rst_on_cut:
    'RSTs to both ends of connections that were cut: their real server is down, gone or drained',
  reassembled: 'datagrams that came in fragments, put together',
  fragmented: 'datagrams cut into fragments',
  syn_rescheduled:
    'SYNs sent again that went to another real server, as the first had not answered and takes no more',
  rst_on_reuse: 'RSTs to real servers whose client had begun another connection',
  persistence_locked:
    'persistent clients scheduled anew: another worker held their entry for milliseconds',
  uoa_added: 'datagrams that carry the client address to the real server',
  uoa_alone:
    'empty datagrams sent ahead with the client address, as there was no room in the next one',
  uoa_no_buffer: 'datagrams without UOA, as no buffer was free for one ahead',
  half_open_evicted:
    'half-open connections that made room for new ones, as lports or records were running short',
  neigh_flaps: 'times that a neighbour was found to change its MAC again and again',
  quic_by_id:
    'datagrams that opened a connection to the real server their connection ID of QUIC names',
  icmp_translated: 'ICMP errors about packets of connections, passed on to who had sent those',
  icmp_mtu_lowered:
    'path MTUs told to clients smaller than a router has said, to leave room for TOA or the header of a tunnel',
  icmp_frag_needed: 'senders told that their packet is larger than the arm it has to leave on',
  icmp_time_exceeded: 'senders told that the TTL of their packet was used up here',
  icmp_port_unreachable: 'senders told that nobody takes their datagram (when_down: reject)',
  icmp_host_unreachable: 'clients told that their real server cannot be reached',
  icmp_limited: 'ICMP errors of our own not sent: there were too many in a short time',
  proxy_added: 'headers of the PROXY protocol in front of what a client sent',
  proxy_alone:
    'headers of the PROXY protocol sent ahead by themselves, as there was no room in the segment',
  proxy_replaced: 'headers of the PROXY protocol of clients that ours took the place of',
  proxy_kept:
    'headers of the PROXY protocol of clients that went on as they came (v1-insecure, v2-insecure)',
  proxy_no_room: 'first datagrams without a header of the PROXY protocol, as there was no room',
  nd_replies: 'neighbour solicitations answered',
  nd_requests: 'neighbour solicitations sent',
  nd_announced: 'unsolicited neighbour advertisements sent for our addresses',
  mld_reports: 'reports sent of the groups at which our IPv6 addresses are asked for',
  acl_ended: 'connections that a changed deny or allow list refused',
  scheduler_out: 'schedulers of the operator that a worker asks no more: the log says why',
  engine_faults: 'exceptions in the engine, which are faults of tapvs',
  worker_restarts: 'restarts of workers that hung or ended, on the memory that they left',
  syn_cookies_sent: 'SYNs answered by a cookie, of which nothing is kept (syn_proxy)',
  syn_cookies_good: 'cookies that came back and began a connection, or would have',
  syn_cookies_bad:
    'ACKs without a connection to services with syn_proxy that brought no cookie of ours',
  syn_proxy_retries: 'SYNs sent again to real servers that left them without an answer (syn_proxy)',
  syn_proxy_gave_up:
    'RSTs to clients whose real server left all SYNs without an answer (syn_proxy)',
}
