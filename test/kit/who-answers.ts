/** What whois asks of a daemon, of a stand: its tables, and a history of the connections that have ended. */

import type { Log } from '../../src/control/log/log.ts'
import { SessionDrain } from '../../src/control/sessions/drain.ts'
import { probe } from '../../src/control/threads/probe.ts'
import { newSessionRing, sessionRing } from '../../src/control/threads/session-ring.ts'
import { History } from '../../src/control/whois/history.ts'
import type { whois } from '../../src/control/whois/whois.ts'
import { Stand } from './stand.ts'

/** `from` is what whois takes beside the question. */
export function whoAnswers(config: string): { stand: Stand; from: Parameters<typeof whois>[1] } {
  const memory = newSessionRing()
  const stand = new Stand(config, undefined, { sessions: sessionRing(memory) })
  const options = { connections: 64, file: null, keep: 1, size: 2 ** 30 }
  const history = new History(options, Date.now() - 100_000, () => {})
  const drain = new SessionDrain([memory], [history], { put: () => {} } as unknown as Log)
  const from: Parameters<typeof whois>[1] = {
    model: stand.model,
    workers: {
      probe: async (key, read) => {
        for (let at = 0; at >= 0; ) {
          const probed = probe(stand.engine, key, at, 2, stand.now)
          read(probed, 1)
          at = probed.next
        }
      },
    },
    records: { history, catchUp: () => drain.catchUp() },
  }
  return { stand, from }
}
