/** The Grafana dashboard asks for what is there: every metric and label of its queries, and no metric is left out. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { metricsText } from '../../../src/control/readings/metrics.ts'
import { NUMBERS } from '../../cli/canned.ts'
import { type Family, readExposition } from '../../kit/exposition.ts'

interface Panel {
  id: number
  type: string
  title: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { uid: string }
  targets?: { expr: string; legendFormat: string; datasource: { uid: string } }[]
}

const dashboard = JSON.parse(readFileSync(join(CHECKOUT, 'dashboards', 'tapvs.json'), 'utf8')) as {
  schemaVersion: number
  panels: Panel[]
  templating: { list: { name: string; type: string; definition?: string }[] }
}
const families = readExposition(metricsText(NUMBERS))
const queries = dashboard.panels.flatMap(({ title, targets }) =>
  (targets ?? []).map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
)

/** Families of the metrics in a query. Fails at one that is not there. */
function familiesOf(expr: string): Family[] {
  return [...expr.matchAll(/\b((?:tapvs|process)_[a-z_]+)\b/g)].map(([, name]) => {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
    assert.ok(family, `${name} is no metric: ${expr}`)
    return family
  })
}

/** Labels of the families, and those that Prometheus adds. */
function labelsOf(of: readonly Family[]): Set<string> {
  const own = of.flatMap(({ samples }) => samples.flatMap(({ labels }) => Object.keys(labels)))
  return new Set([...own, 'instance', 'job'])
}

test('each query asks for metrics that are there, by labels that they have', () => {
  assert.ok(queries.length > 30)
  for (const { title, expr, legendFormat } of queries) {
    const labels = labelsOf(familiesOf(expr))
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list.split(/, */))
    const matched = [...expr.matchAll(/([a-z_]+)=~?"/g)].map(([, label]) => label)
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
    for (const label of [...grouped, ...matched, ...shown])
      assert.ok(labels.has(label), `${title}: no label ${label} in ${expr}`)
  }
  for (const { definition = '' } of dashboard.templating.list) familiesOf(definition)
})

test('every metric is in some panel', () => {
  const asked = new Set(queries.flatMap(({ expr }) => familiesOf(expr).map(({ name }) => name)))
  assert.deepEqual(
    [...families.keys()].filter(name => !asked.has(name)),
    [],
  )
})

test('counters are asked for their rate, gauges are not', () => {
  for (const { title, expr } of queries) {
    for (const [, before, name] of expr.matchAll(/(\w+\()?((?:tapvs|process)_[a-z_]+)/g)) {
      const wanted = name.endsWith('_total') || name.endsWith('_bucket')
      assert.equal(before === 'rate(' || before === 'increase(', wanted, `${title}: ${expr}`)
    }
  }
})

test('the data source is a variable, and no panel lies on another', () => {
  assert.ok(dashboard.schemaVersion >= 39)
  assert.equal(dashboard.templating.list[0]?.type, 'datasource')
  const taken = new Set<string>()
  const ids = new Set<number>()
  for (const { id, title, type, gridPos, datasource, targets } of dashboard.panels) {
    assert.ok(!ids.has(id), `${title}: id ${id} twice`)
    ids.add(id)
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's notation
    const variable = '${datasource}'
    if (type !== 'row') assert.equal(datasource?.uid, variable, title)
    for (const target of targets ?? []) assert.equal(target.datasource.uid, variable, title)
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), `${title} lies on another`)
        taken.add(`${x} ${y}`)
      }
    }
  }
})
