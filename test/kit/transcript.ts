/**
 * A transcript is the unit of behaviour: packets in, packets out, log lines, in tcpdump's notation.
 *
 *   # comment
 *   set workers 7 worker 5 isn 2976553321            the appliance of the seed, changed
 *   config                                           another appliance: its config follows, each line behind `| `; of the settings
 *                                                    workers, worker and isn hold, and `arp answered`: RSs have said their MACs
 *   change JSON                                      a change of what is set up (config/changes.ts)
@@                              goes in on that arm
 *   > dpdk1 | arp ADDRESS                            the neighbour there answers the question for its MAC
 *   < dpdk1 | SEGMENT                                must come out, in this order, before the next line that is not <
 *   log TEXT                                         the log lines since the last `>`, all of them, in order
 *   nothing                                          nothing comes out
 *   drop NAME                                        the last frame was refused for this reason
 *   count NAME N                                     a drop reason or an event has been counted so often
 *   wait SECONDS                                     time passes; what the timers send must be listed behind it
 *   conns N                                          connections in the table
 *   show conns|services|addresses                    the listing, whose lines follow, each behind `= `
 *
 * Settings: workers and worker (its number, from 1), isn, toa, bare_ack, reuse, strict, xmit_ttl, mtu (of the RSs' arm), lips (a,b), neigh (timeout), protocol and one_packet (of the
 * service), proxy (its proxy_protocol), forwarding, syn (its syn_proxy), syn_options (tcp.syn_proxy, without blanks), uoa and uoa_max_trail; ipv6 yes for the
 * seed in IPv6, without lips, and nat64 yes for the seed with a client that speaks IPv6.
 * `~` at the end of a log line or a listing line stands for trailing blanks that editors eat.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'
import { formatAddresses } from '../../src/cli/dpip/listings.ts'
import { formatConn, formatServices } from '../../src/cli/ipvsadm/listings.ts'
import type { Change } from '../../src/config/changes.ts'
import { addresses, services } from '../../src/control/readings/listings.ts'
import type { Surroundings } from '../../src/control/threads/apply.ts'
import {
  connInfo,
  copyConns,
  PAGE_RECORDS,
  RECORD_CELLS,
  timeoutsOf,
} from '../../src/control/threads/snapshots.ts'
import { Drop, Event } from '../../src/engine/counters.ts'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { Steering } from '../../src/engine/steering.ts'
import { SEED6_CONFIG, SEED64_CONFIG } from './nd.ts'
import { Numbers } from './notation.ts'
import { CLIENT_MAC, fixedIsn, lines, type Out, RS_MAC, SEED_CONFIG, Stand } from './stand.ts'

/** `begin` may do something to the stand before the first packet. */
export function play(text: string, begin: (stand: Stand) => void = () => {}): Stand {
  const player = new Player(begin)
  text.split('\n').forEach((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return
    try {
      player.line(line)
    } catch (error) {
      ;(error as Error).message = `line ${index + 1}: ${line}\n${(error as Error).message}`
      throw error
    }
  })
  player.finish()
  return player.stand
}

/** A file of test/transcripts, played by this one of several workers with the flight recorder on. */
export function playRecorded(name: string, worker?: number, workers?: number): Stand {
  const text = readFileSync(join(CHECKOUT, 'test/transcripts', `${name}.txt`), 'utf8')
  return play(text, stand => stand.record(worker, workers))
}

class Player {
  #stand: Stand | undefined
  #settings = new Map<string, string>()
  #out: string[] = []
  readonly #numbers = new Numbers()
  #log: string[] | undefined
  #listing: string[] = []
  #config: string[] = []
  readonly #begin: (stand: Stand) => void

  constructor(begin: (stand: Stand) => void) {
    this.#begin = begin
  }

  get stand(): Stand {
    if (this.#stand === undefined) {
      const yaml = this.#config.join('\n')
      this.#stand = yaml === '' ? makeStand(this.#settings) : standOf(yaml, this.#settings)
      this.#begin(this.#stand)
    }
    return this.#stand
  }

  get #worker(): number {
    return Number(this.#settings.get('worker') ?? 1)
  }

  line(line: string): void {
    const [verb] = line.split(' ', 1)
    const rest = line.slice(verb.length + 1)
    if (verb === '<') {
      assert.equal(this.#out.shift(), rest)
      return
    }
    if (verb === 'log') {
      this.#log ??= this.stand.log(this.#worker)
      assert.equal(this.#log.shift(), unmark(rest))
      return
    }
    if (verb === '=') {
      assert.equal(this.#listing.shift(), unmark(rest))
      return
    }
    if (verb === '|') {
      this.#config.push(rest)
      return
    }
    this.finish()
    this.#act(verb, rest)
  }

  /** Nothing may be left over that the transcript did not name. */
  finish(): void {
    assert.deepEqual(this.#out, [], 'frames that the transcript does not expect')
    assert.deepEqual(this.#log ?? [], [], 'log lines that the transcript does not expect')
    assert.deepEqual(this.#listing, [], 'listing lines that the transcript does not expect')
    this.#log = undefined
  }

  #act(verb: string, rest: string): void {
    if (verb === 'set') {
      const words = rest.split(' ')
      for (let i = 0; i < words.length; i += 2) this.#settings.set(words[i], words[i + 1])
    } else if (verb === '>') {
      const [arm, segment] = rest.split(' | ')
      this.stand.log()
      const [, asked] = /^arp (\S+)$/.exec(segment) ?? []
      const mac = this.stand.armIndex(arm) === 0 ? CLIENT_MAC : RS_MAC
      this.#expect(
        asked === undefined
          ? this.stand.segment(arm, this.#numbers.of(segment))
          : this.stand.arpReply(asked, mac),
      )
    } else if (verb === 'wait') {
      this.stand.log()
      this.#expect(this.stand.pass(Math.round(Number(rest) * 1000)))
    } else if (verb === 'change') {
      this.stand.change([JSON.parse(rest) as Change])
    } else if (verb === 'config') {
      assert.equal(this.#stand, undefined, 'the config stands in front')
    } else if (verb === 'drop') {
      assert.equal(this.stand.verdictName(), rest)
    } else if (verb === 'count') {
      const [name, times] = rest.split(' ')
      const index = { ...Drop, ...Event }[name as keyof typeof Drop | keyof typeof Event]
      assert.ok(index !== undefined, `no counter ${name}`)
      assert.equal(this.stand.engine.counters.events[index], Number(times))
    } else if (verb === 'conns') {
      assert.equal(this.stand.engine.conns.table.used, Number(rest))
    } else if (verb === 'show') {
      this.#listing = this.#show(rest)
    } else {
      assert.equal(verb, 'nothing', 'unknown verb')
    }
  }

  #expect(out: Out[]): void {
    this.#out = lines(out)
  }

  #show(what: string): string[] {
    const { engine, model } = this.stand
    if (what === 'conns') {
      const page = new Int32Array(PAGE_RECORDS * RECORD_CELLS)
      const { count } = copyConns(engine, 0, page, 0)
      const timeouts = timeoutsOf(model.config)
      const established = (place: number) => model.readings.establishedMs(place)
      return Array.from({ length: count }, (_, i) =>
        formatConn(connInfo(page, i, this.#worker, timeouts, established)).trimEnd(),
      )
    }
    const text =
      what === 'services' ? formatServices(services(model)) : formatAddresses(addresses(model))
    return text.split('\n').filter(line => line !== '')
  }
}

function unmark(text: string): string {
  return text.replace(/~$/, '')
}

function makeStand(settings: Map<string, string>): Stand {
  const get = (name: string, otherwise: string) => settings.get(name) ?? otherwise
  const six = get('ipv6', 'no') === 'yes' ? SEED6_CONFIG : SEED_CONFIG
  const seed = get('nat64', 'no') === 'yes' ? SEED64_CONFIG : six
  const arms = seed
    .replace('- name: dpdk1', `$&\n    mtu: ${get('mtu', '1500')}`)
    .replace(
      'local_addresses: [192.168.168.7]',
      `local_addresses: [${get('lips', '192.168.168.7')}]`,
    )
  const protocol = `${get('protocol', 'tcp')}\n    one_packet: ${get('one_packet', 'false')}\n    proxy_protocol: ${get('proxy', 'off')}\n    syn_proxy: ${get('syn', 'off')}`
  const way = get('forwarding', 'fullnat')
  const yaml = `${arms.replace('protocol: tcp', `protocol: ${protocol}`).replace('weight: 100', `$&, forwarding: ${way}`)}
neighbours: { timeout: ${get('neigh', '60')} }
workers: { count: ${get('workers', '1')} }
tcp: { toa: ${get('toa', 'seed')}, bare_ack: ${get('bare_ack', 'drop')}, reuse: ${get('reuse', 'new')}, strict: ${get('strict', 'on')}, xmit_ttl: ${get('xmit_ttl', 'false')}, syn_proxy: {${get('syn_options', '').replaceAll(':', ': ')}} }
udp: { uoa: ${get('uoa', 'off')}, uoa_max_trail: ${get('uoa_max_trail', '3')} }
`
  const isn = settings.get('isn')
  const source = isn === undefined ? new KeyedIsn(Int32Array.of(1, 2, 3, 4)) : fixedIsn(Number(isn))
  return new Stand(yaml, source, aroundWorker(get)).resolveRss()
}

function standOf(yaml: string, settings: Map<string, string>): Stand {
  const isn = settings.get('isn')
  const source = isn === undefined ? undefined : fixedIsn(Number(isn))
  const around = aroundWorker((name, otherwise) => settings.get(name) ?? otherwise)
  const stand = new Stand(yaml, source, around)
  return settings.get('arp') === 'answered' ? stand.resolveRss() : stand
}

/** One of several workers, alone on its stand: what it would tell the others is not heard. */
function aroundWorker(get: (name: string, otherwise: string) => string): Partial<Surroundings> {
  const workers = Number(get('workers', '1'))
  const worker = Number(get('worker', '1')) - 1
  if (workers === 1) return {}
  return { worker, peers: { self: worker, steering: new Steering(workers), tell: () => {} } }
}
