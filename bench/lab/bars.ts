/** A report as a chart: every contender's median against the limit's (of NICs: redirect's), row by row. */

import type { TopLevelSpec } from 'vega-lite'
import type { Report } from './report.ts'
import { short } from './text.ts'

const BAR_PIXELS = 13
const SUBTITLE_LETTERS = 110

type Bar = { row: string; contender: string; relative: number; label: string }

/** => a vega-lite description with its data in it */
export function barChart(report: Report): TopLevelSpec {
  const names = report.contenders.map(({ name }) => name)
  const base = ['limit', 'redirect', names[0] ?? ''].find(name => names.includes(name)) ?? ''
  const bars = (better: 'more' | 'less') =>
    report.rows
      .filter(row => row.better === better)
      .flatMap(row =>
        names.map((contender): Bar => {
          const value = row.figures[contender]?.median ?? Number.NaN
          return {
            row: row.title,
            contender,
            relative: value / (row.figures[base]?.median ?? Number.NaN),
            label: `${short(value)} ${row.unit}`,
          }
        }),
      )
      .filter(({ relative }) => Number.isFinite(relative))
  const panels = [
    panel(`more is better; ${base} = 1`, bars('more'), names),
    panel(`less is better; ${base} = 1`, bars('less'), names),
  ]
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: {
      text: 'tapvs and its alternatives',
      subtitle: wrapped(report.machine),
      anchor: 'start',
    },
    background: 'white',
    vconcat: panels.filter(({ data }) => data.values.length > 0),
  } as TopLevelSpec
}

function panel(title: string, values: Bar[], names: string[]) {
  const rows = [...new Set(values.map(({ row }) => row))]
  const y = {
    y: { field: 'row', type: 'nominal', sort: rows, title: null, axis: { labelLimit: 260 } },
    yOffset: { field: 'contender', sort: names },
    x: { field: 'relative', type: 'quantitative', title, axis: { grid: true } },
  }
  const color = { field: 'contender', sort: names, title: null, scale: { scheme: 'tableau10' } }
  return {
    width: 520,
    height: { step: BAR_PIXELS, for: 'offset' },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', color: 'black' },
        encoding: { x: { datum: 1, type: 'quantitative' } },
      },
      { mark: { type: 'bar' }, encoding: { ...y, color } },
      {
        mark: { type: 'text', align: 'left', dx: 3, fontSize: 9 },
        encoding: { ...y, text: { field: 'label' } },
      },
    ],
  }
}

/** The list in lines that are no longer than the chart is wide. */
function wrapped(list: string): string[] {
  const lines: string[] = []
  for (const item of list.split(/(?<=, )/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + item.length > SUBTITLE_LETTERS) lines.push(item)
    else lines[lines.length - 1] = last + item
  }
  return lines.map(line => line.trimEnd())
}
