/** Checkers of keepalived as the `check` of a service. What a file leaves out is what it is in keepalived. */

import { allOf } from '../../api/words.ts'
import { byWord } from '../../see/text/by-word.ts'
import { CHECK_TYPES, checkSchema } from '../check-keys.ts'
import type { Collector, ImportedCheck, Place } from './imported.ts'
import { IN_CHECK, IN_URL, isNeutral } from './keepalived-keywords.ts'
import { scriptOf } from './keepalived-script.ts'
import { apart, lastOfEach, type Statement } from './keepalived-statement.ts'
import { portOf } from './ports.ts'

interface Default<T> {
  value: T
  statement: Statement
}

/** What a virtual_server or a real_server says for its checkers. */
export interface CheckDefaults {
  interval?: Default<number>
  timeout?: Default<number>
  fall?: Default<number>
  host?: Default<string>
  /** delay_before_retry is given, and told. */
  delay?: true
}

type Type = 'tcp' | 'http' | 'https' | 'script' | 'dns' | 'udp'

const TYPES: Readonly<Record<string, Type>> = byWord({
  TCP_CHECK: 'tcp',
  HTTP_GET: 'http',
  SSL_GET: 'https',
  MISC_CHECK: 'script',
  DNS_CHECK: 'dns',
  UDP_CHECK: 'udp',
})

/** Of keepalived, in seconds and as its man page has them. One check that passes brings a real server back. */
const INTERVAL = 60
const TIMEOUT = 5
const RETRIES = { tcp: 1, http: 1, https: 1, script: 0, dns: 3, udp: 1 }
const DELAYS = { tcp: 1, http: 3, https: 3, script: 1, dns: 1, udp: 1 }
const RISE = 1

/** What is set by a number of seconds. */
const SECONDS: Readonly<Record<string, { field: 'interval' | 'timeout'; max: number }>> = byWord({
  delay_loop: { field: 'interval', max: 86_400 },
  connect_timeout: { field: 'timeout', max: 3600 },
  misc_timeout: { field: 'timeout', max: 3600 },
})
const TIMEOUT_MAX = 3600
const FALL_MAX = 100

/** Reads checkers of one virtual_server; what they say alike is said once. */
export class CheckReader {
  readonly #collector: Collector
  readonly #label: string
  /** Defaults that were given, and whether a check has asked for them. */
  readonly #given = new Map<Statement, boolean>()

  constructor(collector: Collector, label: string) {
    this.#collector = collector
    this.#label = label
  }

  /** Takes what `statement` says for checkers into `defaults`. => whether it is about them */
  default(statement: Statement, defaults: CheckDefaults): boolean {
    const { keyword, place } = statement
    if (keyword === 'delay_before_retry') defaults.delay = true
    const what = IN_CHECK.sets(keyword)
    if (what === 'delay_loop' || what === 'connect_timeout') {
      const { field, max } = SECONDS[what] as (typeof SECONDS)[string]
      const value = this.#seconds(statement, max)
      if (value !== undefined) defaults[field] = this.#default(value, statement)
    } else if (what === 'retry') {
      const text = this.#of(statement.said)
      const retries = this.#collector.whole(
        place,
        statement.number(this.#collector),
        FALL_MAX - 1,
        text,
      )
      if (retries !== undefined) defaults.fall = this.#default(retries + 1, statement)
    } else if (what === 'virtualhost') {
      const { value = '' } = statement
      if (/^[\w.:[\]-]+$/.test(value)) defaults.host = this.#default(value, statement)
      else this.#not(statement, 'expected a host name')
    } else return false
    return true
  }

  /** Says which defaults no check has asked for. */
  tellUnused(): void {
    for (const [statement, used] of this.#given) {
      if (!used) this.#not(statement, 'no check that is carried over asks for it')
    }
  }

  /** => undefined and a remark if there is no such check here; `port` is the real server's, undefined for the VIP's */
  check(
    checker: Statement,
    defaults: CheckDefaults,
    server: { address: string; port: number | undefined },
  ): ImportedCheck | undefined {
    const type = TYPES[checker.keyword]
    if (type === undefined) {
      checker.settle()
      const why = `there are checks of type ${allOf(CHECK_TYPES.filter(known => known !== 'none'))}`
      this.#say(checker.place, checker.keyword, why)
      return undefined
    }
    checker.read(0)
    const own: CheckDefaults = { ...defaults }
    // connect_timeout is not for scripts.
    if (type === 'script') delete own.timeout
    const check: ImportedCheck = { type }
    checker.block = this.#statements(checker.block ?? [], IN_CHECK)
    const isPage = type === 'http' || type === 'https'
    let urls = 0
    for (const statement of checker.block) {
      if (type === 'script') this.#ofScript(statement, check, own, server)
      else if (statement.keyword === 'url' && isPage) {
        if (urls++ === 0) this.#url(statement, check, own)
        else {
          statement.settle()
          this.#say(statement.place, 'a second url', 'a check asks for one page')
        }
      } else if (!this.#ofDatagram(statement, check)) {
        this.#ofConnection(statement, check, own, server)
      }
    }
    const missing = isPage && urls === 0 ? 'a url' : 'a misc_path that begins with /'
    if ((isPage && urls === 0) || (type === 'script' && check.command === undefined)) {
      this.#say(checker.place, checker.keyword, `expected ${missing}`)
      return undefined
    }
    if (isPage) check.status ??= '200-299'
    // Of keepalived nothing but an answer without an error passes, not even "no such name".
    if (type === 'dns') check.rcode = 'noerror'
    this.#complete(check, type, own, checker.place)
    return check
  }

  #ofConnection(
    statement: Statement,
    check: ImportedCheck,
    own: CheckDefaults,
    server: { port: number | undefined },
  ): void {
    if (statement.keyword === 'connect_port') {
      const port = portOf(statement.number(this.#collector) ?? '')
      if (!port) this.#not(statement, 'expected a port')
      else if (port !== server.port) check.port = port
    } else if (!this.default(statement, own)) this.#strange(statement)
  }

  /** => whether it is one of the keys of a DNS_CHECK or a UDP_CHECK */
  #ofDatagram(statement: Statement, check: ImportedCheck): boolean {
    const { keyword } = statement
    if (check.type === 'dns' && (keyword === 'type' || keyword === 'name')) {
      const { value = '' } = statement
      const fits = checkSchema.shape[keyword === 'type' ? 'record' : 'name']
      const word = keyword === 'type' ? value.toLowerCase() : value
      if (!fits.safeParse(word).success) this.#not(statement, 'checks ask for no such thing')
      else if (keyword === 'type') check.record = word as NonNullable<ImportedCheck['record']>
      else check.name = word
      return true
    }
    if (check.type !== 'udp' || (keyword !== 'payload' && keyword !== 'require_reply')) return false
    if (keyword === 'payload') {
      // In groups of any size, as a text of several words.
      const payload = statement.read(Number.POSITIVE_INFINITY).join('').replaceAll(/\s/g, '')
      if (checkSchema.shape.payload.safeParse(payload).success) check.payload = payload
      else this.#not(statement, 'expected at most 512 bytes as hex digits')
      return true
    }
    check.reply = true
    if (statement.read(Number.POSITIVE_INFINITY).length > 0)
      this.#say(statement.place, statement.said, 'any answer passes; expect looks for a text in it')
    return true
  }

  #ofScript(
    statement: Statement,
    check: ImportedCheck,
    own: CheckDefaults,
    server: { address: string; port: number | undefined },
  ): void {
    const { keyword, place, said } = statement
    if (keyword === 'misc_timeout') {
      const value = this.#seconds(statement, TIMEOUT_MAX)
      if (value !== undefined) own.timeout = this.#default(value, statement)
    } else if (keyword === 'misc_path') {
      const script = scriptOf(statement.value ?? '', server)
      if (typeof script === 'string') {
        this.#not(statement, script)
        return
      }
      check.command = script.command
      if (script.port !== undefined) check.port = script.port
      const path = '$CHECK_ADDRESS and $CHECK_PORT, which lead to the real server'
      if (!script.isTold) this.#say(place, said, `see that it connects to ${path}`)
    } else if (keyword === 'connect_timeout' || keyword === 'connect_port') {
      this.#not(statement, 'it is not for scripts')
    } else if (!this.default(statement, own)) this.#strange(statement)
  }

  #url(url: Statement, check: ImportedCheck, own: CheckDefaults): void {
    url.read(0)
    url.block = this.#statements(url.block ?? [], IN_URL)
    for (const statement of url.block) {
      if (statement.keyword === 'path') {
        const { value = '' } = statement
        if (/^\/[\x21-\x7e]*$/.test(value)) check.path = value
        else this.#not(statement, 'expected a path that begins with /')
      } else if (statement.keyword === 'status_code') {
        const values = statement.read(Number.POSITIVE_INFINITY)
        const isStatus = (text: string) => /^[1-5]\d\d(-[1-5]\d\d)?$/.test(text)
        const status = values.map(text => (text.includes('-') ? text : Number(text)))
        if (values.length === 0 || !values.every(isStatus))
          this.#not(statement, 'expected a status')
        else check.status = status.length === 1 ? (status[0] as string | number) : status
      } else if (!this.default(statement, own)) this.#strange(statement)
    }
  }

  /** Times, as keepalived has them where they are left out. */
  #complete(check: ImportedCheck, type: Type, own: CheckDefaults, place: Place): void {
    const used = <T>(given: Default<T> | undefined): T | undefined => {
      if (given) this.#given.set(given.statement, true)
      return given?.value
    }
    check.interval = used(own.interval) ?? INTERVAL
    // It does not check less often what is down.
    check.max_interval = check.interval
    const usual = type === 'script' ? Math.min(check.interval, TIMEOUT_MAX) : TIMEOUT
    check.timeout = used(own.timeout) ?? usual
    check.rise = RISE
    check.fall = used(own.fall) ?? RETRIES[type] + 1
    const host = type === 'http' || type === 'https' ? used(own.host) : undefined
    if (host !== undefined) check.host = host
    if (own.delay || check.fall === 1 || check.interval === DELAYS[type]) return
    const what = `without delay_before_retry keepalived repeats a failed check after ${DELAYS[type]} s`
    this.#collector.notCarried(place, what, 'here it is repeated after its interval', 'delay')
  }

  #statements(statements: readonly Statement[], block: typeof IN_CHECK): Statement[] {
    const single = apart(statements, block, this.#collector)
    return lastOfEach(single, block.sets, this.#collector, this.#label)
  }

  #default<T>(value: T, statement: Statement): Default<T> {
    if (!this.#given.has(statement)) this.#given.set(statement, false)
    return { value, statement }
  }

  #seconds(statement: Statement, max: number): number | undefined {
    const text = statement.number(this.#collector) ?? ''
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
    if (seconds >= 0.1 && seconds <= max) return seconds
    this.#say(
      statement.place,
      statement.said,
      `expected seconds, 0.1-${max}, the default takes its place`,
    )
    return undefined
  }

  #strange(statement: Statement): void {
    const { keyword, text } = statement
    if (isNeutral(text)) statement.settle()
    else if (Object.hasOwn(IN_CHECK.reasons, keyword)) {
      this.#not(statement, IN_CHECK.reasons[keyword] as string)
    } else this.#not(statement, 'checks have no such thing')
  }

  #not(statement: Statement, why: string): void {
    statement.settle()
    this.#say(statement.place, statement.said, why)
  }

  #say(place: Place, what: string, why: string): void {
    this.#collector.notCarried(place, this.#of(what), why, this.#label)
  }

  #of(what: string): string {
    return `${what} of ${this.#label}`
  }
}
