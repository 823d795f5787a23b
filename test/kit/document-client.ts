/** The OpenAPI document as a client has it: calls of every operation, and whether answers are what it foresees. */

import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { exchange, type Reply, type Target } from '../../src/client/exchange.ts'

interface Parameter {
  in: 'path' | 'query' | 'header'
  name: string
  required: boolean
  schema: object
}

export interface Operation {
  method: string
  path: string
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: { 'application/json': { schema: object } } }
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}

export interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: object
}

/** By operationId. */
export function operations({ paths }: Document): Map<string, Operation> {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, op]) => ({ ...op, method: method.toUpperCase(), path })),
  )
  assert.equal(new Set(all.map(op => op.operationId)).size, all.length)
  return new Map(all.map(op => [op.operationId, op]))
}

export type Args = Record<string, unknown> & { body?: unknown }

/** What is sent as it is. */
export interface Raw {
  path: string
  headers?: Record<string, string>
  body?: string
}

/** Calls operations as the document says, and judges answers by it. */
export class DocumentClient {
  /** `ID STATUS` of every answer. */
  readonly answered = new Set<string>()
  readonly operations: ReadonlyMap<string, Operation>
  readonly #document: Document
  readonly #validators: Map<string, ValidateFunction>

  constructor(document: Document) {
    this.#document = document
    this.#validators = VALIDATORS.get(document) ?? new Map()
    VALIDATORS.set(document, this.#validators)
    this.operations = operations(document)
  }

  /** `ID STATUS` of every answer that it foresees. */
  get foreseen(): string[] {
    return [...this.operations].flatMap(([id, { responses }]) =>
      Object.keys(responses).map(status => `${id} ${status}`),
    )
  }

  async call(
    target: Target,
    id: string,
    { body, ...given }: Args = {},
  ): Promise<[number, unknown]> {
    const op = this.operations.get(id)
    assert.ok(op, id)
    let { path } = op
    const query = new URLSearchParams()
    for (const parameter of op.parameters ?? []) {
      const value = given[parameter.name]
      delete given[parameter.name]
      if (value === undefined) {
        assert.ok(!parameter.required, `${id}: ${parameter.name}`)
        continue
      }
      this.#check(parameter.schema, value, `${id}: ${parameter.name}`)
      if (parameter.in === 'path')
        path = path.replace(`{${parameter.name}}`, encodeURIComponent(String(value)))
      else query.set(parameter.name, String(value))
    }
    assert.deepEqual(given, {}, `${id} knows no such parameter`)
    const schema = op.requestBody?.content['application/json'].schema
    if (body !== undefined) this.#check(schema ?? false, body, `${id}: body`)
    if (query.size > 0) path += `?${query}`
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    return this.send(target, id, { path, ...text })
  }

  /** => status and answer, which the document foresees */
  async send(target: Target, id: string, { path, headers, body }: Raw): Promise<[number, unknown]> {
    const method = this.operations.get(id)?.method ?? ''
    const reply = await exchange(target, { method, path, headers, body }, 60_000)
    return [reply.status, this.judge(id, reply)]
  }

  /** => the answer */
  judge(id: string, { status, text }: Reply): unknown {
    const response = this.operations.get(id)?.responses[status]
    assert.ok(response, `${id} answers ${status} ${text}`)
    this.answered.add(`${id} ${status}`)
    const [type = ''] = Object.keys(response.content ?? {})
    const expected = response.content?.[type]?.schema
    if (!expected) {
      assert.equal(text, '', id)
      return undefined
    }
    const check = (value: unknown) => this.#check(expected, value, `${id} ${status}`)
    if (type === 'application/x-ndjson') {
      for (const line of text.split('\n').filter(Boolean)) check(JSON.parse(line))
      return text
    }
    const answer = type === 'application/json' ? JSON.parse(text) : text
    if (type === 'text/event-stream') {
      const data = text.split('\n').filter(line => line.startsWith('data: '))
      for (const line of data) check(JSON.parse(line.slice('data: '.length)))
    } else check(answer)
    return answer
  }

  #check(schema: object | boolean, value: unknown, what: string): void {
    const validate = this.#validator(schema)
    if (validate(value)) return
    const wrong = ajv.errorsText(validate.errors)
    assert.fail(`${what}: ${wrong} in ${JSON.stringify(value)?.slice(0, 500)}`)
  }

  #validator(schema: object | boolean): ValidateFunction {
    const text = JSON.stringify(schema)
    const known = this.#validators.get(text)
    if (known) return known
    const { components } = this.#document
    const made = ajv.compile(typeof schema === 'object' ? { ...schema, components } : schema)
    this.#validators.set(text, made)
    return made
  }
}

/** By their text: many answers have one schema, and to compile it is most of the work. */
const VALIDATORS = new WeakMap<Document, Map<string, ValidateFunction>>()

const FORMATS = { ipv4: true, ipv6: true, 'date-time': true, binary: true } as const
const ajv = new Ajv2020({ strict: false, formats: FORMATS })
