/** Checkers of keepalived as the `check` of a service. */

import { type Collector, type ImportedCheck, type Place, short } from './imported.ts'
import type { Statement } from './keepalived-text.ts'
import { portOf } from './ports.ts'

/** What a virtual_server or a real_server says for its checkers. */
export type CheckDefaults = Pick<ImportedCheck, 'interval' | 'timeout' | 'fall' | 'host'>

const TYPES: Record<string, ImportedCheck['type']> = {
  TCP_CHECK: 'tcp',
  HTTP_GET: 'http',
  SSL_GET: 'https',
  MISC_CHECK: 'script',
}

const PATHS = 'checks take the path of the traffic, from a LIP to the real server'

const NOT_HERE: Record<string, string> = {
  connect_ip: PATHS,
  bindto: PATHS,
  bind_if: PATHS,
  bind_port: PATHS,
  fwmark: PATHS,
  delay_before_retry: 'a failed check is repeated after its interval',
  warmup: 'checks are spread over their interval anyway',
  digest: 'there is no digest of a page; set expect to a text that must be in it',
  regex: 'there is no pattern; set expect to a text that must be in the page',
  regex_no_match: 'there is no pattern; set expect to a text that must be in the page',
  misc_dynamic: 'the exit code of a script does not set the weight',
  user: 'scripts run as the user of the daemon',
  enable_sni: 'the host is the name in TLS as well',
  alpha: 'a real server counts as up until a check says otherwise',
}

/** What is set by a number of seconds. */
const SECONDS: Record<string, { field: 'interval' | 'timeout'; max: number }> = {
  delay_loop: { field: 'interval', max: 86_400 },
  connect_timeout: { field: 'timeout', max: 3600 },
  misc_timeout: { field: 'timeout', max: 3600 },
}

const RETRIES = ['retry', 'nb_get_retry', 'nb_sock_retry']
const FALL_MAX = 100

/** Reads checkers of one virtual_server; what they say alike is said once. */
export class CheckReader {
  readonly #collector: Collector
  readonly #label: string

  constructor(collector: Collector, label: string) {
    this.#collector = collector
    this.#label = label
  }

  /** Takes what `statement` says for checkers into `defaults`. => whether it is about them */
  default({ words, place }: Statement, defaults: CheckDefaults): boolean {
    const [keyword = '', value] = words
    const what = words.join(' ')
    if (Object.hasOwn(SECONDS, keyword) && keyword !== 'misc_timeout') {
      const { field, max } = SECONDS[keyword] as (typeof SECONDS)[string]
      const seconds = this.#seconds(place, value, max, what)
      if (seconds !== undefined) defaults[field] = seconds
    } else if (RETRIES.includes(keyword)) {
      const retries = this.#collector.whole(place, value, FALL_MAX - 1, this.#of(what))
      if (retries !== undefined) defaults.fall = retries + 1
    } else if (keyword === 'virtualhost') {
      if (/^[\w.:[\]-]+$/.test(value ?? '')) defaults.host = value as string
      else this.#not(place, what, 'expected a host name')
    } else return false
    return true
  }

  /** => undefined and a remark if there is no such check here; `port` is the real server's, undefined for the VIP's */
  check(
    { words, place, block }: Statement,
    defaults: CheckDefaults,
    server: { address: string; port: number | undefined },
  ): ImportedCheck | undefined {
    const [checker = ''] = words
    const type = TYPES[checker]
    if (type === undefined) {
      this.#not(place, checker, 'there are checks of type tcp, http, https, redis and script')
      return undefined
    }
    const own: CheckDefaults = { ...defaults }
    const check: ImportedCheck = { type }
    const statements = block ?? []
    const urls = statements.filter(statement => statement.words[0] === 'url')
    for (const statement of statements) {
      const [keyword = '', value] = statement.words
      if (keyword === 'connect_port') {
        const port = portOf(value ?? '')
        if (!port) this.#not(statement.place, statement.words.join(' '), 'expected a port')
        else if (port !== server.port) check.port = port
      } else if (keyword === 'misc_timeout') {
        const seconds = this.#seconds(statement.place, value, 3600, statement.words.join(' '))
        if (seconds !== undefined) own.timeout = seconds
      } else if (keyword === 'misc_path') {
        const command = this.#command(statement, server)
        if (command) check.command = command
      } else if (keyword === 'url') {
        if (statement === urls[0]) this.#url(statement, check, own)
        else this.#not(statement.place, 'a second url', 'a check asks for one page')
      } else if (!this.default(statement, own)) this.#strange(statement)
    }
    if (type === 'script' && check.command === undefined) {
      this.#not(place, checker, 'expected a misc_path that begins with /')
      return undefined
    }
    const { host, ...times } = own
    const asksPage = type === 'http' || type === 'https'
    if (asksPage) check.status ??= '200-299'
    return { ...check, ...times, ...(asksPage && host !== undefined && { host }) }
  }

  #url({ block }: Statement, check: ImportedCheck, own: CheckDefaults): void {
    for (const statement of block ?? []) {
      const { words, place } = statement
      const [keyword = '', ...values] = words
      const what = words.join(' ')
      if (keyword === 'path') {
        if (/^\/[\x21-\x7e]*$/.test(values[0] ?? '')) check.path = values[0] as string
        else this.#not(place, what, 'expected a path that begins with /')
      } else if (keyword === 'status_code') {
        const isStatus = (text: string) => /^[1-5]\d\d(-[1-5]\d\d)?$/.test(text)
        const status = values.map(text => (text.includes('-') ? text : Number(text)))
        if (values.length === 0 || !values.every(isStatus))
          this.#not(place, what, 'expected a status')
        else check.status = status.length === 1 ? (status[0] as string | number) : status
      } else if (!this.default(statement, own)) this.#strange(statement)
    }
  }

  /**
   * A script that is told the real server's address has to be told where the check's own path begins instead, which is
   * in its environment.
   */
  #command(
    { words, place }: Statement,
    server: { address: string; port: number | undefined },
  ): string[] | undefined {
    const said = words.slice(1).join(' ')
    const args = said.split(/\s+/)
    if (!args[0]?.startsWith('/')) return undefined
    if (!args.includes(server.address)) {
      this.#not(
        place,
        words.join(' '),
        'see that it connects to $CHECK_ADDRESS and $CHECK_PORT, which lead to the real server',
      )
      return args
    }
    if (!args.every(arg => /^[\w./:=,@%+-]+$/.test(arg))) {
      this.#not(place, words.join(' '), 'write its command by hand: $CHECK_ADDRESS is the address')
      return undefined
    }
    const replaced = args.map(arg => {
      if (arg === server.address) return '$CHECK_ADDRESS'
      return arg === String(server.port) ? '$CHECK_PORT' : arg
    })
    return ['/bin/sh', '-c', `exec ${replaced.join(' ')}`]
  }

  #seconds(place: Place, text: string | undefined, max: number, what: string): number | undefined {
    const seconds = /^\d+(\.\d+)?$/.test(text ?? '') ? Number(text) : Number.NaN
    if (seconds >= 0.1 && seconds <= max) return seconds
    this.#not(place, what, `expected seconds, 0.1-${max}, the default takes its place`)
    return undefined
  }

  #strange({ words, place }: Statement): void {
    const [keyword = ''] = words
    const why = Object.hasOwn(NOT_HERE, keyword) ? NOT_HERE[keyword] : 'checks have no such thing'
    this.#not(place, words.join(' '), why as string)
  }

  #not(place: Place, what: string, why: string): void {
    this.#collector.notCarried(place, this.#of(what), why, this.#label)
  }

  #of(what: string): string {
    return `${short(what)} of ${this.#label}`
  }
}
