/**
 * A strict reader of Prometheus's text format 0.0.4, with code of its own. It throws at whatever promtool would mind:
 * names, units, types, samples out of their family, labels twice, histograms that do not add up.
 */

import assert from 'node:assert/strict'

export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface Family {
  name: string
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  samples: Sample[]
}

const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+-]+|NaN|\+Inf)$/
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y
/** Units that are no base units. */
const WRONG_UNIT = /_(ms|milliseconds|us|ns|minutes|hours|kilobytes|kb|mb|bits|percent)(_|$)/

export function readExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const families = new Map<string, Family>()
  const seen = new Set<string>()
  let family: Family | undefined
  let help: [string, string] | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const head = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (head?.[1] === 'HELP') {
      help = [head[2], head[3]]
      continue
    }
    if (head) {
      const [, , name, type] = head
      assert.equal(help?.[0], name, `help before type: ${line}`)
      assert.ok(!families.has(name), `${name} is one family`)
      assert.ok(type === 'counter' || type === 'gauge' || type === 'histogram', line)
      family = { name, type, help: help?.[1] ?? '', samples: [] }
      checkNames(family)
      families.set(name, family)
      continue
    }
    assert.ok(!line.startsWith('#'), line)
    assert.ok(family, `a family before ${line}`)
    const sample = readSample(line)
    const allowed =
      family.type === 'histogram'
        ? ['_bucket', '_sum', '_count'].map(suffix => `${family?.name}${suffix}`)
        : [family.name]
    assert.ok(allowed.includes(sample.name), `${sample.name} in ${family.name}`)
    if (family.type === 'counter') assert.ok(sample.value >= 0, line)
    const series = line.slice(0, line.lastIndexOf(' '))
    assert.ok(!seen.has(series), `twice: ${series}`)
    seen.add(series)
    family.samples.push(sample)
  }
  for (const each of families.values()) checkSamples(each)
  return families
}

function readSample(line: string): Sample {
  const match = SAMPLE.exec(line)
  assert.ok(match, `no sample: ${line}`)
  const [, name, inside = '', value] = match
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < inside.length) {
    const label = LABEL.exec(inside)
    assert.ok(label, `labels of ${line}`)
    assert.ok(!(label[1] in labels), `label ${label[1]} twice: ${line}`)
    labels[label[1]] = label[2].replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
  }
  return { name, labels, value: Number(value.replace('+Inf', 'Infinity')) }
}

function checkNames({ name, type, help }: Family): void {
  assert.match(name, NAME)
  assert.doesNotMatch(name, WRONG_UNIT)
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
  assert.doesNotMatch(name, /_(count|sum|bucket|gauge|counter|histogram)$/)
  assert.match(help, /\.$/, `the help of ${name} is a sentence`)
}

function checkSamples({ name, type, samples }: Family): void {
  assert.ok(samples.length > 0, `${name} has samples`)
  if (type !== 'histogram') {
    const labels = new Set(samples.map(sample => Object.keys(sample.labels).join()))
    assert.equal(labels.size, 1, `${name} has the same labels everywhere: ${[...labels]}`)
    return
  }
  const series = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...rest } = sample.labels
    const key = JSON.stringify(rest)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [key, of] of series) {
    const buckets = of.filter(sample => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => Number(labels.le.replace('+Inf', 'Infinity')))
    assert.deepEqual(
      bounds,
      [...new Set(bounds)].sort((a, b) => a - b),
      `${name}${key}`,
    )
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY)
    const counts = buckets.map(({ value }) => value)
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
      `${name}${key} is cumulative`,
    )
    const count = of.find(sample => sample.name === `${name}_count`)
    assert.equal(count?.value, counts.at(-1))
    assert.ok(of.some(sample => sample.name === `${name}_sum`))
  }
}
