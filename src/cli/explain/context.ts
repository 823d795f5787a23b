/** What explanations need to know of the daemon's setup; the daemon is asked. */

import type { Verbs } from '../../api/commands.ts'
import type { StoryContext } from '../../see/explain/story-words.ts'
import { ask } from '../daemon/client.ts'

/** What is set up in a config, if it is not what it is without. */
interface SomeConfig {
  arms?: { name: string; impair?: { loss?: string | number } }[]
  tcp?: { xmit_ttl?: boolean; bare_ack?: string; toa?: string }
  neighbours?: { unres_queue_length?: number }
}

const VERBS = ['counters', 'addresses', 'routes', 'services', 'timeouts', 'config'] as const
type Asked = (typeof VERBS)[number]
type Answers = { [V in Asked]: Verbs[V]['answer'] }

/** Throws CliError. */
export async function askContext(socket: string): Promise<StoryContext> {
  const answers = await Promise.all(VERBS.map(verb => ask(socket, { verb })))
  return contextOf(Object.fromEntries(VERBS.map((verb, i) => [verb, answers[i]])) as Answers)
}

export function contextOf(answers: Answers): StoryContext {
  const { counters, addresses, routes, services, timeouts } = answers
  const { arms = [], tcp = {}, neighbours = {} } = answers.config as SomeConfig
  return {
    arms: counters.arms,
    conns: counters.conns,
    addresses,
    routes,
    services,
    timeouts,
    toa: tcp.toa ?? 'seed',
    settings: {
      xmitTtl: tcp.xmit_ttl ?? false,
      bareAck: tcp.bare_ack ?? 'drop',
      unresQueueLength: neighbours.unres_queue_length ?? 128,
      loss: Object.fromEntries(arms.map(({ name, impair }) => [name, `${impair?.loss ?? 0}`])),
    },
  }
}
