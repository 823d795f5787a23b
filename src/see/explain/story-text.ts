/** The story of a connection as people read it, and what is told of a segment that began none. */

import { DROP_WORDS, type DropContext, type DropReason, explainDrop } from '../drops/drops.ts'
import { frameText } from '../frame/frame-text.ts'
import { headersOf } from '../frame/headers.ts'
import { instantText } from '../text/times.ts'
import type { Attempt } from './story.ts'
import type { Story } from './story-words.ts'

/** A segment or datagram that opened nothing, with the rule that refused it. */
export function attemptText(attempt: Attempt, context: DropContext): string[] {
  const { frame, from, to, drop } = attempt
  const text = frameText(frame.bytes, frame.length)
  const at = instantText(frame.atUs)
  if (drop === null) {
    const answer = headersOf(frame.bytes).type === 'tcp' ? 'an RST' : 'an ICMP error'
    return [`${at} ${from} > ${to} opened no connection and was answered with ${answer}`, text]
  }
  const lines = [`${at} ${from} > ${to} was refused: ${drop}, ${DROP_WORDS[drop] ?? ''}`, text]
  // What the virtio-net header said is not in a moment.
  if (drop === 'vnet_header') return lines
  const explanation = explainDrop(drop as DropReason, { ...frame, vnet: new Uint8Array() }, context)
  return [...lines, `rule: ${explanation.rule}`, `do:   ${explanation.advice}`]
}

/** As people read it: sections under their titles. */
export function storyText(story: Story): string {
  const width = Math.max(...story.why.map(([label]) => label.length))
  const lines = [
    story.title,
    `  ${story.now}`,
    '',
    'why',
    ...story.why.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`),
    '',
    'what happened',
    ...story.happened.flatMap(({ atUs, what, frame }) => [
      `  ${instantText(atUs)}  ${what}`,
      `    ${frame}`,
    ]),
    ...(story.happened.length === 0 ? ['  no change of state since the recorder goes back'] : []),
    ...story.traffic.map(line => `  ${line}`),
    '',
    'the end',
    ...story.end.map(line => `  ${line}`),
  ]
  return `${lines.join('\n')}\n`
}
