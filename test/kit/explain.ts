/** What explanations are made from, of a stand: the answers of a daemon's listings. */

import { LINK_UP } from '../../src/api/link-state.ts'
import { contextOf } from '../../src/cli/explain/context.ts'
import { addresses, counters, routes, services } from '../../src/control/readings/listings.ts'
import type { StoryContext } from '../../src/see/explain/story-context.ts'
import type { Stand } from './stand.ts'

export function contextOfStand({ model }: Stand): StoryContext {
  return contextOf({
    counters: counters(model, { state: () => LINK_UP, queues: () => 1 }),
    addresses: addresses(model),
    routes: routes(model),
    services: services(model),
    timeouts: {
      ...model.config.file.tcp.timeouts,
      udp_oneway: model.config.file.udp.timeouts.oneway,
      udp_normal: model.config.file.udp.timeouts.normal,
    },
    config: model.config.file,
  })
}
