/** The protocol of a virtual_server that may not say it, and what only services of UDP have. */

import {
  type Collector,
  type ImportedCheck,
  type ImportedService,
  NO_SYNS,
  NO_V1,
} from './imported.ts'
import { IN_SERVICE } from './keepalived-keywords.ts'
import type { Statement } from './keepalived-statement.ts'

/**
 * Completes `fields`, and says so. Without a protocol keepalived 2 takes UDP; who leaves it out may mean TCP all the same, so
 * UDP needs something more that speaks of it: `checks`, those of the real servers, ops or quic.
 */
export function settleProtocol(
  { place, block }: Statement,
  fields: Pick<
    ImportedService,
    'protocol' | 'one_packet' | 'quic' | 'proxy_protocol' | 'syn_proxy'
  >,
  checks: readonly (ImportedCheck | undefined)[],
  label: string,
  collector: Collector,
): void {
  if (!block?.some(({ keyword }) => IN_SERVICE.sets(keyword) === 'protocol')) {
    const what = `no protocol, which means UDP to keepalived 2, of ${label}`
    const isChecked = checks.some(check => check?.type === 'dns' || check?.type === 'udp')
    const speaks = isChecked ? 'check' : fields.one_packet ? 'ops' : fields.quic && 'quic'
    if (speaks) {
      fields.protocol = 'udp'
      collector.note(place, what, `udp it is, by its ${speaks}`)
    } else {
      const why = 'TCP takes its place, for nothing in it speaks of UDP; if it is to be UDP, say so'
      collector.notCarried(place, what, why)
    }
  }
  if (fields.protocol === 'udp' && fields.proxy_protocol?.startsWith('v1')) {
    delete fields.proxy_protocol
    collector.notCarried(place, `proxy_protocol of ${label}`, NO_V1)
  }
  if (fields.protocol === 'udp' && fields.syn_proxy) {
    delete fields.syn_proxy
    collector.notCarried(place, `syn_proxy of ${label}`, NO_SYNS)
  }
  if (fields.protocol === 'udp') return
  if (fields.one_packet) {
    delete fields.one_packet
    collector.notCarried(place, `ops of ${label}`, 'one-packet scheduling is for UDP')
  }
  if (fields.quic) {
    delete fields.quic
    collector.notCarried(place, `quic of ${label}`, 'QUIC is of UDP')
  }
}
