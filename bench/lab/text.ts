/** A report for eyes: three tables and the targets. */

import { counted } from '../../src/see/text/counted.ts'
import type { CpuFigure, Figure, Ratio, Report } from './report.ts'
import type { Row } from './rows.ts'
import { SUBJECTS, type Subject } from './targets.ts'

export function reportText(report: Report): string {
  const names = report.contenders.map(({ name }) => name)
  const parts = [
    report.machine,
    `${report.date}, ${counted(report.rounds, 'round')}, ${report.seconds} s a measurement, ` +
      `other load on the CPUs up to ${Math.round(report.otherLoad * 100)}%`,
    '',
    ...report.contenders.map(({ name, title }) => `  ${name.padEnd(8)} ${title}`),
    '',
    ...medians(report, names),
    '',
    ...cpuTable(report, names),
  ]
  if (report.ratios.length > 0) {
    const subjects = SUBJECTS.filter(name => names.includes(name))
    for (const subject of subjects) parts.push('', ...ratioTable(report, subject, names))
    parts.push('', ...verdicts(report))
  }
  return `${parts.join('\n')}\n`
}

function medians(report: Report, names: string[]): string[] {
  const rows = report.rows.map(row => [
    row.title,
    row.unit,
    ...names.map(name => cell(row.figures[name])),
  ])
  return table(
    `medians of ${counted(report.rounds, 'round')}, and in brackets (largest - smallest) / median`,
    ['', '', ...names],
    rows,
  )
}

function cell(figure: Figure | undefined): string {
  if (!figure || figure.samples.length === 0) return '-'
  if (figure.samples.length === 1) return short(figure.median)
  return `${short(figure.median)} (${Math.round(figure.spread * 100)}%)`
}

function cpuTable(report: Report, names: string[]): string[] {
  return table(
    'CPU seconds of the whole machine / of the balancer itself',
    ['', 'for each', ...names],
    report.cpu.map(({ load, unit, figures }) => [
      load,
      unit,
      ...names.map(name => cpuCell(figures[name])),
    ]),
  )
}

function cpuCell(figure: CpuFigure | undefined): string {
  if (!figure || Number.isNaN(figure.machine)) return '-'
  return `${short(figure.machine)} / ${figure.own === null ? '-' : short(figure.own)}`
}

function ratioTable(report: Report, subject: Subject, names: string[]): string[] {
  const others = names.filter(name => name !== subject)
  const ratios = report.ratios.filter(ratio => ratio.subject === subject)
  const find = (row: Row, against: string) =>
    ratios.find(ratio => ratio.row === row.key && ratio.against === against)
  return table(
    `${subject} : each, ratios of the medians, and in brackets the least and most of a round`,
    ['', 'better', ...others],
    report.rows.map(row => [
      row.title,
      row.better === 'more' ? '> 1' : '< 1',
      ...others.map(against => ratioCell(find(row, against))),
    ]),
  )
}

function ratioCell(ratio: Ratio | undefined): string {
  if (!ratio || Number.isNaN(ratio.ratio)) return '-'
  if (ratio.range[0] === ratio.range[1]) return ratio.ratio.toFixed(2)
  return `${ratio.ratio.toFixed(2)} (${ratio.range.map(value => value.toFixed(2)).join('..')})`
}

/** One line for each contender and bound. */
function verdicts(report: Report): string[] {
  const lines = new Map<string, { met: string[]; missed: string[] }>()
  const order = report.contenders.map(({ name }) => name)
  const ratios = report.ratios.toSorted(
    (a, b) => order.indexOf(a.against) - order.indexOf(b.against),
  )
  for (const { row, subject, against, ratio, target } of ratios) {
    const found = report.rows.find(({ key }) => key === row)
    if (!target || !found) continue
    const sign = found.better === 'more' ? '>=' : '<='
    const group = found.better === 'more' ? found.group : found.key
    const head = `${subject} : ${against} ${sign} ${target.bound.toFixed(2)}, ${group}`
    const line = lines.get(head) ?? { met: [], missed: [] }
    lines.set(head, line)
    ;(target.met ? line.met : line.missed).push(`${row} ${ratio.toFixed(2)}`)
  }
  const rows = [...lines].map(([head, { met, missed }]) => [
    head,
    missed.length === 0 ? 'met' : 'not met',
    (missed.length === 0 ? met : missed).join(', '),
  ])
  return table('targets', ['', '', ''], rows).filter(line => line.trim() !== '')
}

/** First column to the left, the others to the right, unless the header has no words for them. */
function table(title: string, header: string[], rows: string[][]): string[] {
  const widths = header.map((head, column) =>
    Math.max(...[head, ...rows.map(row => row[column] ?? '')].map(text => text.length)),
  )
  const leftmost = header.findIndex(head => head !== '')
  const line = (cells: string[]) =>
    cells
      .map((text, column) =>
        leftmost < 0 || column < leftmost
          ? text.padEnd(widths[column] ?? 0)
          : text.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [title, ...[header, ...rows].map(cells => `  ${line(cells)}`)]
}

/** Three digits that count: 643 k, 14.1 k, 10.8, 0.83. */
export function short(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)} M`
  if (value >= 10_000) return `${digits(value / 1e3)} k`
  return digits(value)
}

function digits(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3)
}
