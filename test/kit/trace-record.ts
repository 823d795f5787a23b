/** Records of the trace, their fields by name: what see/ is to put into words without an engine that says it. */

import {
  type FieldsOfKind,
  RECORD_CELLS,
  TraceCell,
  TraceKind,
  type TraceName,
} from '../../src/engine/trace-kinds.ts'

/** A field of several cells is a list. */
export type Values<Name extends TraceName> = {
  [Field in keyof FieldsOfKind<Name>]?: number | readonly number[]
}

/** What is left out is 0. */
export function traceRecord<Name extends TraceName>(name: Name, values: Values<Name>): Int32Array {
  const record = new Int32Array(RECORD_CELLS)
  record[0] = TraceKind[name]
  const cells: Record<string, number> = TraceCell[name]
  for (const [field, value] of Object.entries<number | readonly number[] | undefined>(values)) {
    record.set([value ?? 0].flat(), cells[field])
  }
  return record
}
