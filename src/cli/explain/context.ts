/** What explanations need to know of the daemon's setup; the daemon is asked. */

import type { Verbs } from '../../api/commands.ts'
import type { ConfigFile } from '../../config/schema.ts'
import type { StoryContext } from '../../see/explain/story-context.ts'
import { ask } from '../daemon/client.ts'

const VERBS = ['counters', 'addresses', 'routes', 'services', 'timeouts'] as const
type Asked = (typeof VERBS)[number]
type Answers = { [V in Asked]: Verbs[V]['answer'] } & {
  config: Pick<ConfigFile, 'arms' | 'tcp' | 'neighbours'>
}

/** Throws CliError. */
export async function askContext(socket: string): Promise<StoryContext> {
  const config = ask(socket, { verb: 'config', defaults: true })
  const answers = await Promise.all(VERBS.map(verb => ask(socket, { verb })))
  const all = Object.fromEntries(VERBS.map((verb, i) => [verb, answers[i]]))
  return contextOf({ ...all, config: await config } as Answers)
}

export function contextOf(answers: Answers): StoryContext {
  const { counters, addresses, routes, services, timeouts } = answers
  const { arms, tcp, neighbours } = answers.config
  return {
    arms: counters.arms,
    conns: counters.conns,
    addresses,
    routes,
    services,
    timeouts,
    toa: tcp.toa,
    settings: {
      xmitTtl: tcp.xmit_ttl,
      bareAck: tcp.bare_ack,
      unresQueueLength: neighbours.unres_queue_length,
      loss: Object.fromEntries(arms.map(({ name, impair }) => [name, `${impair.loss}`])),
    },
  }
}
