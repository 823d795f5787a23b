/** Records of int32 cells, described by how many of them each field takes: nobody counts by hand where the next one begins. */

/** => The first cell of each field, the fields one behind the other from cell `from` on, and as CELLS the cell behind them. */
export function cellsOf<Name extends string>(
  widths: Readonly<Record<Name, number>>,
  from = 0,
): Readonly<Record<Name | 'CELLS', number>> {
  const cells = {} as Record<Name | 'CELLS', number>
  let end = from
  for (const name of Object.keys(widths) as Name[]) {
    cells[name] = end
    end += widths[name]
  }
  cells.CELLS = end
  return cells
}
