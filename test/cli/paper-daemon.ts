/** A daemon without packet threads behind the command line's desk: its own code answers, of made-up traffic. */

import type { ConnInfo, Request, VerbName, Verbs } from '../../src/api/commands.ts'
import { Refused } from '../../src/api/refused.ts'
import { CliError } from '../../src/cli/daemon/client.ts'
import type { Desk, OpenDesk } from '../../src/cli/daemon/desk.ts'
import type { ConfigFile } from '../../src/config/schema.ts'
import { respond } from '../../src/control/respond.ts'
import { paperDaemon, WORKERS } from '../kit/control.ts'
import { ADDRESSES, COUNTERS, NEIGHBOURS } from './canned.ts'

const CONFIG = {
  arms: [
    { name: 'ext0', addresses: ['202.108.10.1/32'] },
    {
      name: 'int0',
      addresses: ['192.168.168.3/24'],
      local_addresses: ['192.168.168.7'],
      routes: [{ to: 'default' }],
    },
  ],
}

export class PaperDaemon {
  conns: ConnInfo[] = []
  asked: Request[] = []
  stdin = ''
  stdout = ''
  stderr = ''
  /** What --socket said. */
  socket: string | undefined
  /** Listings of traffic that there is none of here. */
  readonly canned: { [V in VerbName]?: Verbs[V]['answer'] } = {
    addresses: ADDRESSES,
    routes: ROUTES,
    counters: COUNTERS,
  }
  readonly #daemon

  constructor(config: object = CONFIG) {
    this.#daemon = paperDaemon(config, undefined, {
      ...WORKERS,
      conns: async () => ({ conns: this.conns, next: -1 }),
      neighbours: async () => NEIGHBOURS,
    })
  }

  /** The config that runs. */
  get file(): ConfigFile {
    return this.#daemon.model.config.file
  }

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

  async #answer(request: Request): Promise<Verbs[VerbName]['answer']> {
    const canned = this.canned[request.verb]
    if (canned !== undefined) return canned
    try {
      const answer = await respond(request, this.#daemon)
      if ('ok' in answer) return answer.ok
      throw Refused.of(answer)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      throw new CliError(error.message, 1, JSON.parse(JSON.stringify(error)))
    }
  }
}

export const ROUTES: Verbs['routes']['answer'] = [
  { to: '0.0.0.0/0', via: '202.108.10.254', arm: 'ext0', mtu: 1500 },
  { to: '202.108.10.0/24', via: null, arm: 'ext0', mtu: 1500 },
  { to: '10.0.0.0/8', via: '192.168.168.254', arm: 'int0', mtu: 9000 },
]
