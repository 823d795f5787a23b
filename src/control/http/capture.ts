/**
 * `GET /v1/capture`: packets as pcapng, for `tshark -r -` and Wireshark. Nobody waits for a reader: what it does not take in
 * time is left out, and the file says how much.
 */

import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import type * as z from 'zod'
import { HttpError, NO_RECORDER } from '../../api/errors.ts'
import { object, wholeText } from '../../api/fields.ts'
import { CaptureFile } from '../../see/capture/capture-file.ts'
import type { Moment } from '../../see/moments/moment.ts'
import type { HeadOf } from '../recorder/capture-head.ts'
import type { Watching } from '../recorder/watching.ts'
import { binary, describeStream } from './openapi.ts'
import {
  COPIES_MAX,
  filterOf,
  type PacketStreams,
  packetQuery,
  STREAMS_MAX,
  UNREAD_BYTES_MAX,
  writeAll,
} from './packets.ts'

const TYPE = 'application/x-pcapng'
const DAY = 86_400

const query = object({
  ...packetQuery(false, true),
  count: wholeText(1, Number.MAX_SAFE_INTEGER).exactOptional(),
  seconds: wholeText(1, DAY).exactOptional(),
})
type Query = z.output<typeof query>

/** Adds the path to `app`. */
export function addCapture(
  app: FastifyInstance,
  streams: PacketStreams,
  watching: Watching | undefined,
  headOf: HeadOf | undefined,
): void {
  const schema = describeStream({
    id: 'capture',
    tag: 'packets',
    summary: 'Packets of all arms as pcapng, and beside each what became of it',
    description: `Without \`follow=false\` it goes on until the reader goes, or \`count\` packets or \`seconds\` are over; \
with \`past\` it begins with what the flight recorders hold. The file is whole after each of its blocks. There are at most \
${STREAMS_MAX} streams of packets, and ${COPIES_MAX} that end with the past.`,
    query,
    type: TYPE,
    answer: binary,
  })
  app.get('/v1/capture', { schema }, (request, reply) => {
    if (!watching || !headOf) throw new HttpError(503, NO_RECORDER)
    const asked = request.query as Query
    const wanted = filterOf(asked.filter)
    const snaplen = asked.snaplen ?? watching.status().snaplen
    const file = new CaptureFile(headOf(asked.filter ?? '', snaplen))
    const stream = new Stream(reply.raw, file, wanted, asked.count ?? Number.POSITIVE_INFINITY)
    streams.add(reply.raw, asked, () => stream.end())
    reply.hijack()
    stream.begin(watching, asked)
  })
}

class Stream {
  readonly #response: ServerResponse
  readonly #file: CaptureFile
  readonly #wanted: (moment: Moment) => boolean
  readonly #count: number
  #ended = false
  /** The following, once it has begun. */
  #stop: () => void = () => {}

  constructor(
    response: ServerResponse,
    file: CaptureFile,
    wanted: (moment: Moment) => boolean,
    count: number,
  ) {
    this.#response = response
    this.#file = file
    this.#wanted = wanted
    this.#count = count
  }

  begin(watching: Watching, { past, follow, snaplen, seconds }: Query): void {
    const response = this.#response
    response.writeHead(200, { 'content-type': TYPE, 'cache-control': 'no-store' })
    response.on('error', () => {})
    this.#append(this.#file.begin())
    if (!follow) {
      void writeAll(response, past ? watching.past() : [], moments => this.#write(moments, 0)).then(
        whole => whole && this.end(),
      )
      return
    }
    response.socket?.setTimeout(0)
    const options = { past, ...(snaplen !== undefined && { snaplen }) }
    const stop = watching.follow(options, (moments, lost) => this.#write(moments, lost))
    const timer = seconds === undefined ? undefined : setTimeout(() => this.end(), seconds * 1000)
    this.#stop = () => {
      stop()
      clearTimeout(timer)
    }
    response.once('close', this.#stop)
  }

  /** The file is whole then. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#stop()
    this.#response.end(Buffer.concat(this.#file.end()))
  }

  #write(moments: readonly Moment[], lost: number): void {
    if (this.#ended) return
    this.#file.lose(lost)
    const isBehind = this.#response.writableLength > UNREAD_BYTES_MAX
    const blocks: Uint8Array[] = []
    for (const moment of moments) {
      if (!this.#wanted(moment)) continue
      if (isBehind) this.#file.lose(1)
      else blocks.push(...this.#file.moment(moment))
      if (this.#file.packets >= this.#count) break
    }
    this.#append(blocks)
    if (this.#file.packets >= this.#count) this.end()
  }

  #append(blocks: readonly Uint8Array[]): void {
    if (blocks.length > 0) this.#response.write(Buffer.concat(blocks))
  }
}
