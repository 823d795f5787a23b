/** Connections of a real server that are to end now: of one that is drained, or of one that the config no longer has. */

import type { Verbs } from '../../api/commands.ts'
import { serviceName } from '../../api/edits.ts'
import { Refused } from '../../api/refused.ts'
import { rsName } from '../../config/changes.ts'
import { counted } from '../../see/text/counted.ts'
import { hostText } from '../../wire/ip-address.ts'
import type { Workers } from '../threads/workers.ts'
import type { Model } from './model.ts'

/** What it takes of the daemon. */
interface Cutting {
  model: Model
  workers: Pick<Workers, 'change'>
  log: { info: (text: string) => void }
}

/** Rejects if there is no such real server, and was none that is remembered. */
export function cut(
  { model, workers, log }: Cutting,
  { server, service }: Verbs['cut']['args'],
): Promise<Verbs['cut']['answer']> {
  return model.exclusively(async () => {
    const places = placesOf(model, server, service)
    const name = `${hostText(server.address)}:${server.port}`
    if (places.length === 0) {
      const where = service ? `in a service ${serviceName(service)}` : 'in any service'
      throw Refused.missing('real server', name, where, ', nor one that was there')
    }
    const { readings } = model
    const connections = places
      .map(place => readings.activeConns(place) + readings.inactiveConns(place))
      .reduce((sum, count) => sum + count, 0)
    if (connections > 0) {
      log.info(`TAPVS: ${counted(connections, 'connection')} of RS ${name} to be cut`)
      await workers.change(places.map(place => ({ put: 'cut' as const, place })))
    }
    return { connections }
  })
}

/** Of the server, in the service or in all; also where it was before. */
function placesOf(
  { places: { dests } }: Model,
  server: Verbs['cut']['args']['server'],
  service: Verbs['cut']['args']['service'],
): number[] {
  const isMeant = service
    ? (name: string) => name === rsName(service, server)
    : (name: string) => name.startsWith(`RS ${hostText(server.address)}:${server.port} of `)
  return [...dests.taken(isMeant), ...dests.left(isMeant)]
}
