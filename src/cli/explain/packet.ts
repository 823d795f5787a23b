/** `tapvs explain packet`: what the engine would do with a packet now, step by step; nothing is changed by asking. */

import { readFileSync } from 'node:fs'
import type { Argv } from 'yargs'
import { open } from '../../client/exchange.ts'
import type { Question, Reply } from '../../control/replay/question.ts'
import type { Captured, CapturedPacket } from '../../see/capture/captured.ts'
import { linkTypeText, READ_TEXT } from '../../see/capture/link-types.ts'
import { DROP_WORDS, type DropReason, explainDrop } from '../../see/drops/drops.ts'
import { type StoryContext, serviceOfEnds } from '../../see/explain/story-context.ts'
import { secondsOf } from '../../see/explain/timeouts.ts'
import { frameText } from '../../see/frame/frame-text.ts'
import { headersOf } from '../../see/frame/headers.ts'
import { changeText } from '../../see/moments/change-words.ts'
import type { FrameIn, FrameOut, Said } from '../../see/moments/moment.ts'
import { momentToJson } from '../../see/moments/moment-json.ts'
import { ETH } from '../../wire/ethernet.ts'
import { CliError, failure, notReached } from '../daemon/client.ts'
import { type Common, print, printJson } from '../terminal/common.ts'
import { askContext } from './context.ts'

const VNET_NONE = new Uint8Array(10)

interface Options extends Common {
  packet: string
  arm?: string | undefined
  frame: number
  json: boolean
}

export function addExplainPacket(explain: Argv<Common>): Argv<Common> {
  return explain.command(
    'packet <packet>',
    'what would become of a packet now; nothing is changed by asking',
    command =>
      command
        .positional('packet', {
          type: 'string',
          demandOption: true,
          describe: 'its bytes in hexadecimal, or a capture (pcap, pcapng)',
        })
        .option('arm', {
          type: 'string',
          requiresArg: true,
          describe: 'where it comes in; left out, where it is addressed to',
        })
        .option('frame', {
          type: 'number',
          requiresArg: true,
          default: 1,
          describe: 'number of the frame in the capture',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    async options => {
      await explainPacket(options)
    },
  )
}

async function explainPacket({ socket, packet, arm, frame, json }: Options): Promise<void> {
  const asked = await packetOf(packet, frame)
  const { answerOf } = await import('../../control/replay/question.ts')
  const { readJournal } = await import('../../control/journal/format.ts')
  const [images, context] = await Promise.all([imagesOf(socket), askContext(socket)])
  let reply: Reply
  try {
    reply = answerOf(readJournal(images), { ...asked, arm })
  } catch (error) {
    throw new CliError((error as Error).message)
  }
  if (json) printJson(answerJson(reply, context))
  else print(packetText(reply, context))
}

/** A journal that ends as it begins: images of the engines. */
async function imagesOf(socket: string): Promise<Uint8Array> {
  const options = { method: 'GET', path: '/v1/journal?seconds=0' }
  const response = await open({ socket }, options).catch(error => {
    throw notReached(socket, error)
  })
  if (response.statusCode !== 200) throw await failure(socket, response)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return new Uint8Array(Buffer.concat(chunks))
}

/** Hexadecimal digits with what people put between them, or a file. */
export async function packetOf(text: string, frame: number): Promise<Question> {
  const digits = text.replace(/^0x/, '').replaceAll(/[\s:.-]/g, '')
  if (/^([\da-f]{2}){14,}$/i.test(digits))
    return { bytes: new Uint8Array(Buffer.from(digits, 'hex')) }
  const { readCapture } = await import('../../see/capture/pcap.ts')
  let file: Uint8Array
  try {
    file = readFileSync(text)
  } catch {
    throw new CliError(`${text} is neither a packet in hexadecimal nor a capture that can be read`)
  }
  let captured: Captured
  try {
    captured = readCapture(new Uint8Array(file))
  } catch (error) {
    throw new CliError(`${text}: ${(error as Error).message}`)
  }
  const { packets, interfaces } = captured
  const found = packets[frame - 1]
  if (found === undefined)
    throw new CliError(`${text} has ${packets.length} frames and no frame ${frame}`)
  const { link } = found
  if (link === 'unknown') {
    const type = linkTypeText(interfaces[found.interface]?.linkType ?? -1)
    throw new CliError(
      `${text}: frame ${frame} is of link type ${type}, which is not read; ${READ_TEXT} are`,
    )
  }
  if (link === 'ethernet') return { bytes: whole(found), link }
  if (headersOf(found.bytes).version !== 4)
    throw new CliError(
      `${text}: frame ${frame} was captured without an Ethernet header and is no IPv4, so there is nothing to judge`,
    )
  return { bytes: whole(found).subarray(ETH.HEADER), link }
}

/** What was cut off of a packet is payload, which nobody looks at. */
function whole({ bytes, length }: CapturedPacket): Uint8Array {
  const all = new Uint8Array(Math.max(length, bytes.length))
  all.set(bytes)
  return all
}

export function packetText(reply: Reply, context: StoryContext): string {
  const { frame, arm, worker, ended, left, hasLink } = reply
  const [lookup, others] = [true, false].map(is =>
    frame.said.filter(({ event }) => (event === 'lookup') === is),
  ) as [Said[], Said[]]
  const steps = [
    `it comes in on ${arm}, worker ${worker} takes it: ${frameText(frame.bytes, frame.length)}`,
    hasLink ? '' : NO_LINK,
    ...[...lookup, ...ended, ...others]
      .map(said => saidStep(said, frame))
      .filter(text => text !== ''),
    stateStep(frame, context),
    ...verdictSteps(reply, context),
    ...left.flatMap(leftSteps),
  ].filter(text => text !== '')
  return `${steps.map((text, i) => `${String(i + 1).padStart(2)}. ${text}\n`).join('')}nothing was changed by asking\n`
}

const NO_LINK =
  'it has no Ethernet header, so the judgement starts at IP: MACs, ethertype and VLAN were not asked about'

function lookupStep(isHit: boolean, bytes: Uint8Array): string {
  const { type, sourcePort } = headersOf(bytes)
  const isIcmp = type.startsWith('icmp')
  if (isIcmp && sourcePort === null)
    return isHit
      ? 'what it quotes is a packet that we have sent, of a connection that is known'
      : 'no connection has sent what it quotes'
  const what = isIcmp ? 'addresses and identifier' : 'addresses and ports'
  return isHit ? `its ${what} are those of a connection` : `no connection has its ${what}`
}

function saidStep({ event, text, fields }: Said, { bytes }: FrameIn): string {
  const of = (name: string) => String(fields[name])
  switch (event) {
    case 'lookup':
      return lookupStep(fields.hit === true, bytes)
    case 'scheduled':
      return `${of('rs')} is chosen by the ${of('by')}: weight ${of('weight')}, one of ${of('servers')}`
    case 'lport_fetched':
      return `${of('lip')} is taken as LIP and lport, which leaves ${of('free')} free towards the real server`
    case 'conn_new':
      return `a connection is opened, ${of('client')} > ${of('vip')} as ${of('lip')} > ${of('rs')}`
    case 'conn_del':
      return of('state') === 'UDP_NONE'
        ? 'the connection ends with its datagram (one_packet)'
        : `that connection, in ${of('state')}, ends: the SYN begins another one in its place`
    case 'reset_rs':
      return 'what the real server still has of that connection is reset'
    case 'conn_kept':
      return `another connection begins with all that the one in ${of('state')} had, as tcp.reuse is keep`
    // The state is told with its timer.
    case 'state':
      return ''
    default:
      return text.trim()
  }
}

function stateStep({ states, conn, direction, arm }: FrameIn, context: StoryContext): string {
  if (states === null) return ''
  const { before, after } = states
  const clientArm = direction === 'in' ? arm : null
  const own = conn === null ? undefined : serviceOfEnds(conn, clientArm, context)?.conn_timeout
  const seconds = secondsOf(after, own ?? 0, context.timeouts)
  const timer = seconds === 0 ? '' : `; it has ${seconds} s from here on`
  return before === after
    ? `the connection stays in ${after}${timer}`
    : `the connection goes from ${before ?? 'nothing'} to ${after}${timer}`
}

function verdictSteps({ frame, hasLink }: Reply, context: StoryContext): string[] {
  const { verdict } = frame
  if ('sent' in verdict) return [`it leaves on ${verdict.sent}`]
  if ('parked' in verdict)
    return [
      frame.conn === null
        ? 'it is a piece of a datagram, and waits for the others'
        : 'it is parked until the next hop says its MAC',
    ]
  if ('done' in verdict) return ['it has done its work here and goes nowhere']
  const reason = verdict.drop as DropReason
  const { rule, advice } = explainDrop(reason, { ...frame, vnet: VNET_NONE, hasLink }, context)
  return [
    `it is dropped as ${reason}: ${DROP_WORDS[reason] ?? ''}`,
    `the rule: ${rule}`,
    `what to do: ${advice}`,
  ]
}

function leftSteps({ arm, own, changes, bytes, length }: FrameOut): string[] {
  const text = frameText(bytes, length)
  if (own !== null) return [`${own.replaceAll('_', ' ')} leaves on ${arm}: ${text}`]
  const changed = changes.map(changeText).join(', ')
  return [`changed: ${changed || 'nothing'}`, `what leaves on ${arm}: ${text}`]
}

function answerJson({ arm, worker, hasLink, frame, ended, left }: Reply, context: StoryContext) {
  const { verdict } = frame
  const drop =
    'drop' in verdict
      ? explainDrop(verdict.drop as DropReason, { ...frame, vnet: VNET_NONE, hasLink }, context)
      : null
  return {
    arm,
    worker,
    hasLink,
    frame: momentToJson(frame),
    ended,
    drop,
    left: left.map(momentToJson),
  }
}
