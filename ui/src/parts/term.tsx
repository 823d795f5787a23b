/** A word of the field with what it means. */

import type { ComponentChildren } from 'preact'

export const TERMS = {
  VIP: 'the virtual address and port that clients connect to',
  LIP: 'the local address by which the balancer talks to real servers',
  lport: 'a port of a LIP; each connection holds one towards its real server',
  RS: 'real server: where the service really runs',
  arm: 'one of the balancer’s Ethernet ports: external towards clients, internal towards real servers',
  worker: 'a packet thread; each has its own tables and its share of the lports',
  FullNAT: 'both addresses of every packet are changed, so that answers come back by themselves',
  TOA: 'a TCP option that tells the real server the client’s address',
  weight: 'the share of new connections a real server gets; 0 gets none',
  active: 'connections in ESTABLISHED',
  inactive: 'connections in any other state',
  threshold: 'from so many connections on a real server gets no new ones',
} as const

export function Term({ of, children }: { of: keyof typeof TERMS; children?: ComponentChildren }) {
  return (
    <abbr title={TERMS[of]} class="term">
      {children ?? of}
    </abbr>
  )
}
