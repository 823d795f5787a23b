/**
 * Reads the answer to a GET as it comes in, and takes what curl takes: a service that is well for `curl` is well for a
 * check. So lines end with LF or CRLF (RFC 9112 2.2), headers may be folded, answers be of HTTP/1.0, and 1xx answers
 * may come before the final one.
 */

/** Of all headers; curl gives up at as much. */
const HEAD_MAX = 300 * 1024
/** RFC 9112 7.1 sets no limit for the extensions behind a chunk's size. */
const CHUNK_LINE_MAX = 4096

/** Of a header that says something about the body. */
const VALUE_MAX = 1024
const BODY_HEADERS = ['content-length', 'transfer-encoding'] as const

interface Header {
  name: (typeof BODY_HEADERS)[number]
  value: string
}

type Step = 'status' | 'headers' | 'body' | 'chunk size' | 'chunk' | 'chunk end' | 'done'

export class HttpAnswer {
  /** Of the final answer, 0 until its head is there. */
  status = 0
  readonly #onBody: ((part: Buffer) => void) | null
  #step: Step = 'status'
  /** What came and was not a whole line yet. */
  #rest: Buffer[] = []
  #restBytes = 0
  #headBytes = 0
  #code = 0
  /** Those of BODY_HEADERS that were given. */
  #headers: Header[] = []
  #isFolding = false
  /** Bytes left of the body or of a chunk. */
  #left = Number.POSITIVE_INFINITY

  /** `onBody` gets the body without its chunks' sizes; without it the body is not read. */
  constructor(onBody: ((part: Buffer) => void) | null) {
    this.#onBody = onBody
  }

  /** Nothing more is expected. */
  get done(): boolean {
    return this.#step === 'done'
  }

  /** Throws an Error in one line if it is no answer. */
  push(part: Buffer): void {
    let bytes = part
    while (bytes.length > 0 && !this.done) {
      if (this.#step === 'body' || this.#step === 'chunk') {
        const taken = bytes.subarray(0, Math.min(this.#left, bytes.length))
        this.#left -= taken.length
        bytes = bytes.subarray(taken.length)
        this.#onBody?.(taken)
        if (this.#left === 0) this.#step = this.#step === 'body' ? 'done' : 'chunk end'
        continue
      }
      const end = bytes.indexOf(0x0a)
      const piece = end < 0 ? bytes : bytes.subarray(0, end)
      this.#rest.push(piece)
      this.#restBytes += piece.length
      this.#limit()
      if (end < 0) return
      bytes = bytes.subarray(end + 1)
      const line = Buffer.concat(this.#rest).toString('latin1').replace(/\r$/, '')
      this.#rest = []
      this.#restBytes = 0
      this.#line(line)
    }
  }

  /** The connection has ended. Throws if there was no answer. */
  end(): void {
    // As curl, which takes a head that ends with the connection.
    if (this.#step === 'headers' && this.#code >= 200) this.#head()
    if (this.status === 0) throw new Error('was answered by the end of the connection')
  }

  #limit(): void {
    const isHead = this.#step === 'status' || this.#step === 'headers'
    if (isHead && this.#headBytes + this.#restBytes > HEAD_MAX) {
      throw new Error(`${PARSE} more than ${HEAD_MAX} bytes of headers`)
    }
    if (!isHead && this.#restBytes > CHUNK_LINE_MAX) throw new Error(NO_SIZE)
  }

  #line(line: string): void {
    const isHead = this.#step === 'status' || this.#step === 'headers'
    if (isHead) this.#headBytes += line.length + 2
    if (this.#step === 'status') this.#statusLine(line)
    else if (this.#step === 'headers') this.#headerLine(line)
    else if (this.#step === 'chunk end') {
      if (line !== '') throw new Error(`${PARSE} a chunk that is longer than its size`)
      this.#step = 'chunk size'
    } else {
      const [, hex] = /^\s*([0-9a-f]{1,12})\s*(?:;.*)?$/is.exec(line) ?? []
      if (hex === undefined) throw new Error(NO_SIZE)
      this.#left = Number.parseInt(hex, 16)
      // Trailers say nothing to a check.
      this.#step = this.#left === 0 ? 'done' : 'chunk'
    }
  }

  #statusLine(line: string): void {
    if (line === '') return
    const [, code] = /^HTTP\/(?:1\.[01]|2(?:\.0)?) +([1-9]\d\d)(?!\d)/i.exec(line) ?? []
    if (code === undefined) {
      throw new Error(`${PARSE} expected HTTP/1.1 and a status, found ${line.slice(0, 40)}`)
    }
    this.#code = Number(code)
    this.#headers = []
    this.#isFolding = false
    this.#step = 'headers'
  }

  #headerLine(line: string): void {
    if (line === '') {
      this.#head()
      return
    }
    const [, name, value = ''] = /^([^:]*):(.*)$/s.exec(line) ?? []
    const isFolded = /^[ \t]/.test(line)
    if ((!isFolded && name === undefined) || line.includes('\0')) {
      throw new Error(`${PARSE} expected a header, found ${line.slice(0, 40)}`)
    }
    const last = this.#headers.at(-1)
    if (!isFolded) {
      const known = BODY_HEADERS.find(header => header === name?.trim().toLowerCase())
      this.#isFolding = known !== undefined
      if (known) this.#headers.push({ name: known, value: value.trim() })
    } else if (this.#isFolding && last) {
      // A folded one goes on with what it was.
      last.value = `${last.value} ${line.trim()}`.trim()
      if (last.value.length > VALUE_MAX) throw new Error(`${PARSE} a long ${last.name}`)
    }
  }

  /** All headers are there. */
  #head(): void {
    if (this.#code < 200 && this.#code !== 101) {
      this.#step = 'status'
      return
    }
    this.status = this.#code
    const values = (name: Header['name']) => [
      ...new Set(this.#headers.filter(header => header.name === name).map(({ value }) => value)),
    ]
    const isEmpty = this.#code === 101 || this.#code === 204 || this.#code === 304
    if (isEmpty) this.#step = 'done'
    else if (values('transfer-encoding').some(value => /\bchunked\b/i.test(value))) {
      this.#step = 'chunk size'
    } else {
      const [length, ...more] = values('content-length')
      if (length !== undefined && (more.length > 0 || !/^\d{1,15}$/.test(length))) {
        throw new Error(`${PARSE} expected one content-length`)
      }
      this.#left = length === undefined ? Number.POSITIVE_INFINITY : Number(length)
      this.#step = this.#left === 0 ? 'done' : 'body'
    }
    if (this.#onBody === null) this.#step = 'done'
  }
}

const PARSE = 'Parse Error:'
const NO_SIZE = `${PARSE} a chunk without a size`
