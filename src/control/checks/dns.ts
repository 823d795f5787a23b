/** Just enough of DNS to ask one question and to tell an answer from anything else (RFC 1035, sections 4.1 and 3.1). */

import { randomInt } from 'node:crypto'
import { RCODES, type Rcode, RECORDS, type RecordType } from '../../config/dns-words.ts'

const HEADER_BYTES = 12
const CLASS_IN = 1
const FLAG_RESPONSE = 0x8000
const FLAG_RECURSION_DESIRED = 0x0100

export class DnsQuery {
  readonly bytes: Buffer
  readonly #question: Buffer

  /** `name` has labels of 1-63 bytes, 253 in all, or is `.`, the root. */
  constructor(name: string, record: RecordType) {
    const labels = name.split('.').filter(label => label !== '')
    const parts = labels.map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
    const tail = Buffer.alloc(5)
    tail.writeUInt16BE(RECORDS[record], 1)
    tail.writeUInt16BE(CLASS_IN, 3)
    this.#question = Buffer.concat([...parts, tail])
    const header = Buffer.alloc(HEADER_BYTES)
    // Nobody who does not see the query can answer it.
    header.writeUInt16BE(randomInt(0x10000), 0)
    header.writeUInt16BE(FLAG_RECURSION_DESIRED, 2)
    header.writeUInt16BE(1, 4)
    this.bytes = Buffer.concat([header, this.#question])
  }

  /** False for what is no answer to this query. Throws the reason if it is one and has none of the rcodes. */
  isAnswered(answer: Buffer, accepted: readonly Rcode[]): boolean {
    if (answer.length < HEADER_BYTES || answer.readUInt16BE(0) !== this.bytes.readUInt16BE(0))
      return false
    const flags = answer.readUInt16BE(2)
    if ((flags & FLAG_RESPONSE) === 0 || !this.#repeats(answer)) return false
    const code = flags & 0xf
    if (accepted.some(rcode => RCODES[rcode] === code)) return true
    const word = Object.entries(RCODES).find(([, number]) => number === code)?.[0]
    throw new Error(`the query was answered ${(word ?? `rcode ${code}`).toUpperCase()}`)
  }

  /** A server that could not read the question may leave it out; names are the same in either case of letters. */
  #repeats(answer: Buffer): boolean {
    const questions = answer.readUInt16BE(4)
    if (questions === 0) return true
    const question = answer.subarray(HEADER_BYTES, HEADER_BYTES + this.#question.length)
    const lower = (bytes: Buffer) => bytes.toString('latin1').toLowerCase()
    return questions === 1 && lower(question) === lower(this.#question)
  }
}
