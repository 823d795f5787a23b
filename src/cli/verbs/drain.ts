/** `tapvs drain`: an RS gets no new connections, and its old ones are watched until they are gone, or cut. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Argv } from 'yargs'
import type { RealServerInfo, ServiceInfo } from '../../api/commands.ts'
import { type Edit, isMatch, isService, type ServiceKey } from '../../api/edits.ts'
import { matchText, parseRule } from '../../api/match.ts'
import { DEFAULT_PROTOCOL, PROTOCOL_NAMES, protocolNamed } from '../../api/protocols.ts'
import { oneOf } from '../../api/words.ts'
import { counted } from '../../see/text/counted.ts'
import { ipText, parseIpEndpoint } from '../../wire/ip-address.ts'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, print } from '../terminal/common.ts'
import { isLive } from '../terminal/terminal.ts'

const LOOK_MS = 1000
/** Cut connections go by thousands a second. */
const CUT_LOOK_MS = 100
const CLEAR_LINE = '\r\x1b[K'
const BACK_AGAIN = 'takes new connections again, so it is not drained any more'

/** An RS in one of its services. */
interface Place {
  service: ServiceInfo
  rs: RealServerInfo
}

interface Options extends Common {
  server: string
  service: string | undefined
  timeout: number
  restoreWeight: boolean
  cut: boolean
}

export function addDrain(common: Argv<Common>): void {
  common.command(
    'drain <server>',
    'take a real server out of service and wait until its connections are gone',
    command =>
      command
        .positional('server', {
          type: 'string',
          demandOption: true,
          describe: 'ADDRESS:PORT of the real server',
        })
        .option('service', {
          type: 'string',
          requiresArg: true,
          describe:
            '[PROTOCOL:]ADDRESS:PORT of the only service meant, of TCP if not said, or [PROTOCOL:]CRITERIA of a match service; default: all that have the server',
        })
        .option('timeout', {
          type: 'number',
          requiresArg: true,
          default: 0,
          defaultDescription: 'none',
          describe: 'seconds after which to give up, with exit code 1',
        })
        .option('cut', {
          type: 'boolean',
          default: false,
          describe:
            'when the time is over, or at once, end the connections that are left by RSTs to both ends; also those of a server that was deleted',
        })
        .option('restore-weight', {
          type: 'boolean',
          default: false,
          describe: 'give the weight back when given up, instead of leaving it at 0',
        }),
    options => drain(options),
  )
}

async function drain(options: Options): Promise<void> {
  const { socket, server, timeout } = options
  if (!(timeout >= 0)) throw new CliError('--timeout: expected seconds', 2)
  const before = await places(options)
  // What was deleted is in no listing, and only its connections can be told.
  if (before.length === 0 && options.cut) return cutDeleted(options)
  if (before.length === 0) throw new CliError(nowhere(options))
  await ask(socket, { verb: 'edit', edits: before.map(place => edit(place, 0)) })
  const began = Date.now()
  let isCut = false
  for (;;) {
    const now = await places(options)
    if (now.length === 0) return deletedMeanwhile(options, began + timeout * 1000)
    const [active, inactive] = connections(now)
    const seconds = Math.round((Date.now() - began) / 1000)
    if (active + inactive === 0) {
      show(`${server} is drained: no connection is left after ${seconds} s`, true)
      return
    }
    if (now.some(({ rs }) => rs.weight > 0)) throw givenUp(`${server} ${BACK_AGAIN}`)
    const left = `${active} active and ${inactive} inactive connections`
    const isOver = Date.now() - began >= timeout * 1000
    if (isOver && options.cut) {
      if (!isCut) await cut(options)
      isCut = true
    } else if (isOver && timeout > 0) {
      throw givenUp(
        `${server} still has ${left} after ${seconds} s${await restored(options, before)}`,
      )
    }
    show(`${server} has ${left}, ${seconds} s${isCut ? ', they are cut' : ''}`, false)
    await sleep(isCut ? CUT_LOOK_MS : LOOK_MS)
  }
}

/** => how many connections there were */
async function cut({ socket, server, service }: Options): Promise<number> {
  const answer = await ask(socket, {
    verb: 'cut',
    server: endpoint(server, 'server'),
    ...(service !== undefined && { service: serviceOf(service) }),
  })
  return answer.connections
}

async function cutDeleted(options: Options): Promise<void> {
  const { server } = options
  for (;;) {
    const count = await cut(options)
    if (count === 0) return show(`${server} has no connection left`, true)
    show(`${server} is deleted and has ${counted(count, 'connection')}, being cut`, false)
    await sleep(LOOK_MS)
    // What is there again takes connections that nobody has asked to cut.
    if ((await places(options)).length > 0) throw givenUp(`${server} ${BACK_AGAIN}`)
  }
}

/** No listing says how many connections it has left; they are cut at `cutAtMs`, of Date. */
async function deletedMeanwhile(options: Options, cutAtMs: number): Promise<void> {
  const { server, cut } = options
  if (!cut)
    throw givenUp(
      `${server} was deleted meanwhile, so no listing has its connections; tapvs drain ${server} --cut ends them`,
    )
  await sleep(Math.max(0, cutAtMs - Date.now()))
  await cutDeleted(options)
}

/** What a terminal shows is not true any more. */
function givenUp(why: string): CliError {
  if (isLive()) process.stdout.write(CLEAR_LINE)
  return new CliError(why)
}

function endpoint(text: string, what: string): { address: string; port: number } {
  const found = parseIpEndpoint(text)
  if (found === undefined) throw new CliError(`${what}: expected ADDRESS:PORT, found ${text}`, 2)
  return { address: ipText(found.address), port: found.port }
}

/** udp:192.0.2.1:53, tcp:192.0.2.1:80 or 192.0.2.1:80; icmp:from=192.0.2.1,oif=ext0 of a match service. */
function serviceOf(text: string): ServiceKey {
  const [, word = DEFAULT_PROTOCOL, rest = text] = /^([a-z]+\d?):(.*)$/i.exec(text) ?? []
  if (isMatch({ address: rest })) return matchServiceOf(word.toLowerCase(), rest)
  const protocol = protocolNamed(word)
  if (protocol !== undefined) return { protocol, ...endpoint(rest, '--service') }
  const hint = /^icmp(v6)?$/i.test(word)
    ? '; pings are of match services: icmp:from=RANGE,oif=ARM, as tapvs ipvsadm -ln has it'
    : ''
  throw new CliError(`--service: expected ${oneOf(PROTOCOL_NAMES)}, found ${word}${hint}`, 2)
}

function matchServiceOf(word: string, criteria: string): ServiceKey {
  const rule = parseRule(`proto=${word},${criteria}`)
  if (typeof rule === 'string') throw new CliError(`--service: ${rule}`, 2)
  return { protocol: rule.protocol, address: matchText(rule.keys), port: 0 }
}

/** Of the server, in the services meant. */
async function places({ socket, server, service }: Options): Promise<Place[]> {
  const only = service === undefined ? undefined : serviceOf(service)
  const wanted = endpoint(server, 'server')
  const services = await ask(socket, { verb: 'services' })
  return services
    .filter(other => only === undefined || isService(other, only))
    .flatMap(meant => meant.real_servers.map(rs => ({ service: meant, rs })))
    .filter(({ rs: { address, port } }) => address === wanted.address && port === wanted.port)
}

function nowhere({ server, service }: Options): string {
  const where = service === undefined ? 'in any service' : `in a service ${service}`
  return `no real server ${server} ${where}; tapvs ipvsadm -ln lists them`
}

function edit({ service, rs }: Place, weight: number): Edit {
  return {
    edit: 'edit-server',
    service: { protocol: service.protocol, address: service.address, port: service.port },
    server: { address: rs.address, port: rs.port },
    weight,
  }
}

async function restored({ socket, restoreWeight }: Options, before: Place[]): Promise<string> {
  if (!restoreWeight) return '; its weight stays 0'
  await ask(socket, { verb: 'edit', edits: before.map(place => edit(place, place.rs.weight)) })
  return '; it has its weight again'
}

function connections(list: readonly Place[]): [active: number, inactive: number] {
  let active = 0
  let inactive = 0
  for (const { rs } of list) {
    active += rs.active_conns
    inactive += rs.inactive_conns
  }
  return [active, inactive]
}

/** A terminal keeps one line, which every look writes anew; a file gets a line for each. */
function show(text: string, last: boolean): void {
  if (isLive()) process.stdout.write(`${CLEAR_LINE}${text}${last ? '\n' : ''}`)
  else print(`${text}\n`)
}
