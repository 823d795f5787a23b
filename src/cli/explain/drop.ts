/** `tapvs explain drop`: the last refused frames, which rule refused each, and what to do about it. */

import type { Argv } from 'yargs'
import type { DropInfo, RefusedInfo } from '../../api/commands.ts'
import { DROP_REASONS, type DropReason } from '../../api/names.ts'
import {
  DROP_WORDS,
  type DropContext,
  type Explanation,
  explainDrop,
  wasLeaving,
} from '../../see/drops/drops.ts'
import { frameText } from '../../see/frame/frame-text.ts'
import { counted } from '../../see/text/counted.ts'
import { instantText } from '../../see/text/times.ts'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, print, printJson } from '../terminal/common.ts'
import { askContext } from './context.ts'

/** Frames of each reason that are shown unless more are asked for. */
const SHOWN = 3

export function addExplainDrop(explain: Argv<Common>): Argv<Common> {
  return explain.command(
    'drop [reason]',
    'the last refused frames: which rule refused them, and what to do about it',
    command =>
      command
        .positional('reason', {
          choices: DROP_REASONS,
          describe: 'only this drop reason; tapvs counters --all lists them',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' })
        .option('n', {
          type: 'number',
          requiresArg: true,
          default: SHOWN,
          describe: 'frames of each reason, the newest first',
        }),
    async ({ socket, reason, json, n }) => {
      if (!Number.isInteger(n) || n < 1) throw new CliError('-n: expected a number above 0', 2)
      const [drops, context] = await Promise.all([
        ask(socket, { verb: 'drops', ...(reason && { reason }) }),
        askContext(socket),
      ])
      const explained = explainDrops(drops, context, n)
      if (json) printJson(explained)
      else print(dropText(explained))
    },
  )
}

/** A refused frame with its explanation. */
export interface ExplainedFrame extends RefusedInfo, Explanation {
  /** As tcpdump would print it. */
  frame: string
}

export interface ExplainedDrop {
  reason: string
  count: number
  /** What the reason means. */
  words: string
  /** The frames are shown as they were to leave, not as they came. */
  leaving: boolean
  last: ExplainedFrame[]
  /** Exceptions in the engine, by their place in the code; only where they are the reason. */
  faults?: Faults
}

type Faults = NonNullable<DropInfo['faults']>

/** `n` frames of each reason at most. */
export function explainDrops(
  drops: readonly DropInfo[],
  context: DropContext,
  n: number,
): ExplainedDrop[] {
  return drops.map(({ reason, count, last, faults }) => ({
    reason,
    count,
    ...(faults && { faults }),
    words: DROP_WORDS[reason] ?? '',
    leaving: wasLeaving(reason as DropReason),
    last: last.slice(0, n).map(info => {
      const bytes = fromHex(info.bytes)
      const frame = { arm: info.arm, length: info.length, bytes, vnet: fromHex(info.vnet) }
      return {
        ...info,
        frame: frameText(bytes, info.length),
        ...explainDrop(reason as DropReason, frame, context),
      }
    }),
  }))
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

/** An advice that is the same for the frames of a reason is said once. */
export function dropText(drops: readonly ExplainedDrop[]): string {
  if (drops.length === 0) return 'nothing was refused yet\n'
  const parts = drops.map(({ reason, count, words, leaving, last, faults = [] }) => {
    if (count === 0 && faults.length === 0)
      return `${reason}: ${words}\n  nothing was refused for it yet\n`
    const form = leaving ? '; the frames are shown as they were to leave' : ''
    const lines = [`${reason}, ${counted(count, 'frame')}: ${words}${form}`]
    last.forEach((frame, i) => {
      const at = instantText(frame.at_ms * 1000, 3)
      const arm = frame.arm ?? 'our own'
      lines.push(`  ${at} ${arm}  ${frame.frame}`, `    rule: ${frame.rule}`)
      if (last[i + 1]?.advice !== frame.advice) lines.push(`    do:   ${frame.advice}`)
    })
    for (const fault of faults) lines.push(...faultLines(fault))
    return `${lines.join('\n')}\n`
  })
  return parts.join('\n')
}

/** The stack is that of the last one: those of a place differ little. */
function faultLines({ place, count, samples }: Faults[0]): string[] {
  const lines = [`  thrown ${counted(count, 'time')} at ${place}`]
  for (const { at_ms, worker, doing, arm, message, bytes, length } of samples) {
    const at = instantText(at_ms * 1000, 3)
    const frame = arm === null ? '' : `: ${frameText(fromHex(bytes), length)}`
    lines.push(`    ${at} worker ${worker}, ${doing}${frame}`, `      ${message}`)
  }
  const stack = samples.at(-1)?.stack ?? []
  return [...lines, ...stack.map(line => `      ${line}`)]
}
