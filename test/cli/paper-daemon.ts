/** A daemon without an engine: the value of a config file, changed by the same edits, behind the command line's desk. */

import type { ConnInfo, Request, ServiceInfo, VerbName, Verbs } from '../../src/api/commands.ts'
import { CliError } from '../../src/cli/daemon/client.ts'
import type { Desk, OpenDesk } from '../../src/cli/daemon/desk.ts'
import { configOf } from '../../src/config/config.ts'
import { edited } from '../../src/config/edited.ts'
import { type ConfigFile, fileSchema } from '../../src/config/schema.ts'
import { ADDRESSES, COUNTERS, NEIGHBOURS } from './canned.ts'

const NO_TRAFFIC = { conns: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 }

export class PaperDaemon {
  file: ConfigFile = fileSchema.parse({
    arms: [
      { name: 'ext0', addresses: ['202.108.10.1/32'] },
      {
        name: 'int0',
        addresses: ['192.168.168.3/24'],
        local_addresses: ['192.168.168.7'],
        routes: [{ to: 'default' }],
      },
    ],
  })
  conns: ConnInfo[] = []
  asked: Request[] = []
  stdin = ''
  stdout = ''
  stderr = ''
  /** What --socket said. */
  socket: string | undefined

  readonly open: OpenDesk = socket => {
    this.socket = socket
    return this.#desk
  }

  readonly #desk: Desk = {
    ask: async request => {
      this.asked.push(request)
      return this.#answer(request) as never
    },
    print: async text => {
      this.stdout += text
    },
    warn: line => {
      this.stderr += `${line}\n`
    },
    input: async () => this.stdin,
  }

  #answer(request: Request): Verbs[VerbName]['answer'] {
    switch (request.verb) {
      case 'edit':
        try {
          const { file, warnings } = configOf(edited(this.file, request.edits))
          if (!request.dry_run) this.file = file
          return { steps: [], restart: [], warnings }
        } catch (error) {
          throw new CliError((error as Error).message)
        }
      case 'config':
        return this.file
      case 'services':
        return this.file.services.map(service => this.#service(service))
      case 'conns':
        return { conns: this.conns, next: -1 }
      case 'timeouts':
        return { ...this.file.tcp.timeouts }
      case 'addresses':
        return ADDRESSES
      case 'routes':
        return ROUTES
      case 'neighbours':
        return NEIGHBOURS
      case 'counters':
        return COUNTERS
      case 'zero':
        return null
      default:
        throw new CliError(`no ${request.verb} on paper`)
    }
  }

  #service(service: ConfigFile['services'][number]): ServiceInfo {
    const { protocol, address, port, scheduler } = service
    const armOf = (lip: string) =>
      this.file.arms.find(({ local_addresses: lips }) => lips.includes(lip))?.name ?? ''
    return {
      protocol,
      address,
      port,
      scheduler,
      connTimeout: service.conn_timeout ?? 0,
      persistence: { timeout: service.persistence ?? 0, prefix: service.persistence_prefix },
      whenDown: service.when_down,
      localAddresses: (service.local_addresses ?? []).map(lip => ({
        address: lip,
        arm: armOf(lip),
        conflicts: 0,
        conns: 0,
      })),
      realServers: service.real_servers.map(rs => ({
        address: rs.address,
        port: rs.port ?? port,
        weight: rs.weight,
        upperThreshold: rs.upper_threshold,
        lowerThreshold: rs.lower_threshold,
        backup: rs.backup,
        activeConns: 0,
        inactiveConns: 0,
        inhibited: false,
        stats: NO_TRAFFIC,
        rates: NO_TRAFFIC,
      })),
    }
  }
}

export const ROUTES: Verbs['routes']['answer'] = [
  { to: '0.0.0.0', prefixLength: 0, via: '202.108.10.254', arm: 'ext0', mtu: 1500 },
  { to: '202.108.10.0', prefixLength: 24, via: null, arm: 'ext0', mtu: 1500 },
  { to: '10.0.0.0', prefixLength: 8, via: '192.168.168.254', arm: 'int0', mtu: 9000 },
]
