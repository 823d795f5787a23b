/** Frames and verdicts of a replay in words. */

import { countedName, stateName } from '../../api/names.ts'
import { DONE, PARKED } from '../../engine/counters.ts'
import { JudgedCell } from '../../engine/flight-records.ts'
import { frameText as textOf } from '../../see/frame/frame-text.ts'
import { endsAt } from '../../see/words/ends.ts'
import { forwardingOf } from '../../see/words/forwarding.ts'
import { VNET } from '../../wire/vnet-hdr.ts'

/** `bytes` are the first ones from the virtio-net header on, `length` counts all. */
export function frameText(bytes: Uint8Array, length: number): string {
  return textOf(bytes.subarray(VNET.BYTES), length - VNET.BYTES)
}

/** `sent on int0`, `dropped, tcp_no_conn`; `arms` are names by index. */
export function outcomeText(verdict: number, arms: readonly string[]): string {
  if (verdict >= 0) return `sent on ${arms[verdict] ?? `arm ${verdict}`}`
  if (verdict === PARKED) return 'parked until its next hop has a MAC'
  if (verdict === DONE) return 'taken in'
  return `dropped, ${countedName(-verdict)}`
}

/** The part of a verdict's record (FlightKind.JUDGED) in which a replay has to agree with it; a view. */
export function judgementOf(record: Int32Array): Int32Array {
  return record.subarray(JudgedCell.VERDICT, JudgedCell.CELLS)
}

/** `judgement` is that part. */
export function verdictText(judgement: Int32Array, arms: readonly string[]): string {
  const cell = (at: number) => judgement[at - JudgedCell.VERDICT] ?? 0
  const outcome = outcomeText(cell(JudgedCell.VERDICT), arms)
  if (cell(JudgedCell.TUPLE) < 0) return outcome
  const protocol = cell(JudgedCell.PROTOCOL)
  const before = cell(JudgedCell.BEFORE)
  const after = stateName(cell(JudgedCell.AFTER), protocol)
  const state = before < 0 ? after : `${stateName(before, protocol)} to ${after}`
  const { client, vip, lip, rs } = endsAt(judgement, JudgedCell.ENDS - JudgedCell.VERDICT)
  const delta = cell(JudgedCell.DELTA) >>> 0
  const forwarding = forwardingOf(protocol)
  const way = forwarding === 'fullnat' ? '' : ` by ${forwarding}`
  return `${outcome}; ${client} > ${vip}, ${lip} > ${rs}${way}, ${state}, delta ${delta}`
}
