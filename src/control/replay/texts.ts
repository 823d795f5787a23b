/** Frames and verdicts in words, for whoever reads what a replay has found. */

import { countedName, STATE_NAMES } from '../../api/names.ts'
import { DONE, PARKED } from '../../engine/counters.ts'
import { frameText as textOf } from '../../see/frame/frame-text.ts'
import { endpointText } from '../../wire/address.ts'
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

/** The cells of a verdict's record, from the verdict on (FlightKind.JUDGED). */
export function verdictText(cells: Int32Array, arms: readonly string[]): string {
  const cell = (at: number) => cells[at] ?? 0
  const outcome = outcomeText(cell(0), arms)
  if (cell(1) < 0) return outcome
  const before = STATE_NAMES[cell(2)]
  const state = before === undefined ? STATE_NAMES[cell(3)] : `${before} to ${STATE_NAMES[cell(3)]}`
  const client = endpointText(cell(4), cell(6) >>> 16)
  const vip = endpointText(cell(5), cell(6) & 0xffff)
  const rs = endpointText(cell(7), cell(9) >>> 16)
  const lip = endpointText(cell(8), cell(9) & 0xffff)
  return `${outcome}; ${client} > ${vip}, ${lip} > ${rs}, ${state}, delta ${cell(10) >>> 0}`
}
