/** Samples made into medians, ratios and verdicts: what bench.json holds and what tables and chart show. */

import { median, spread } from '../stats.ts'
import type { CpuTime } from './cpu.ts'
import type { Row } from './rows.ts'
import type { Samples } from './run.ts'
import { isMet, SUBJECTS, type Subject, targetOf } from './targets.ts'

export type Figure = {
  median: number
  /** (largest - smallest) / median */
  spread: number
  samples: number[]
}

export type Ratio = {
  row: string
  subject: Subject
  against: string
  /** subject : the other, of the medians */
  ratio: number
  /** The same of each round by itself: the smallest and the largest. */
  range: [number, number]
  target?: { bound: number; met: boolean }
}

export type CpuFigure = { machine: number; own: number | null }

export type Report = {
  machine: string
  date: string
  rounds: number
  /** Of one measurement. */
  seconds: number
  /** The largest part of the CPUs that was busy between the contenders, when nothing of ours ran. */
  otherLoad: number
  contenders: { name: string; title: string }[]
  rows: (Row & { figures: Record<string, Figure> })[]
  /** CPU seconds for each `unit` of a load's work; medians. */
  cpu: { load: string; unit: string; figures: Record<string, CpuFigure> }[]
  ratios: Ratio[]
}

export type Facts = Omit<Report, 'rows' | 'cpu' | 'ratios'> & {
  /** Those that were measured. */
  rows: readonly Row[]
  loads: readonly { key: string; unit: string }[]
}

/** @param samples by contender */
export function makeReport(facts: Facts, samples: Record<string, Samples>): Report {
  const { rows, loads, ...about } = facts
  const names = facts.contenders.map(({ name }) => name)
  const by = <T>(make: (name: string) => T) =>
    Object.fromEntries(names.map(name => [name, make(name)]))
  const rowSamples = (name: string, row: Row) => samples[name]?.rows[row.key] ?? []
  const pairs = SUBJECTS.filter(subject => names.includes(subject)).flatMap(subject =>
    names.filter(name => name !== subject).map(against => [subject, against] as const),
  )
  return {
    ...about,
    rows: rows.map(row => ({ ...row, figures: by(name => figure(rowSamples(name, row))) })),
    cpu: loads.map(({ key, unit }) => ({
      load: key,
      unit,
      figures: by(name => cpuFigure(samples[name]?.cpu[key] ?? [])),
    })),
    ratios: rows.flatMap(row =>
      pairs.map(([subject, against]) => {
        const found = ratio(rowSamples(subject, row), rowSamples(against, row))
        return judged({ row: row.key, subject, against, ...found }, row)
      }),
    ),
  }
}

function figure(samples: number[]): Figure {
  return { median: median(samples), spread: spread(samples), samples }
}

function cpuFigure(samples: CpuTime[]): CpuFigure {
  const own = samples.flatMap(sample => sample.own ?? [])
  return {
    machine: median(samples.map(({ machine }) => machine)),
    own: own.length === 0 ? null : median(own),
  }
}

function ratio(subject: number[], other: number[]): Pick<Ratio, 'ratio' | 'range'> {
  const rounds = subject.map((sample, round) => sample / (other[round] ?? Number.NaN))
  return {
    ratio: median(subject) / median(other),
    range: [Math.min(...rounds), Math.max(...rounds)],
  }
}

function judged(ratio: Ratio, row: Row): Ratio {
  const target = targetOf(ratio.subject, ratio.against, row)
  if (!target) return ratio
  return { ...ratio, target: { bound: target.bound, met: isMet(target, ratio.ratio) } }
}
