/** The page in a real browser, over real traffic: what it shows is what ipvsadm, the metrics and the packets say. */
// paired: a browser takes a core of the two

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { until } from '../../netns/processes.ts'
import { Lab } from '../../netns/two-arm.ts'
import { Chromium, goTo, numberOf, type Visit } from '../kit/browser.ts'
import { readExposition } from '../kit/exposition.ts'
import { labName, mustClient, mustTapvs, RIP, VIP } from '../kit/lab.ts'

const lab = new Lab(labName('ui'))
const chromium = new Chromium()
const SERVICE = `${VIP}:6379`

let visit: Visit
before(async () => {
  await lab.up({ ui: 0, realServers: 2 })
  visit = await chromium.visit((await mustTapvs(lab, 'ui')).trim())
  await visit.page.getByTestId('conn-total').waitFor()
})
after(() => lab.down())
afterEach(() => assert.deepEqual(visit.complaints, []))

/** A redis client that has said PING and stays. => closes it */
async function hold(t: { after(end: () => void): void }) {
  const [command = '', ...args] = lab.inside('client', ['socat', '-', `TCP:${SERVICE}`])
  const client = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => client.kill())
  client.stdin.write('PING\r\n')
  await once(client.stdout, 'data')
  return () => client.stdin.end()
}

interface Shown {
  total: number
  states: Record<string, number>
  servers: Record<string, [active: number, inactive: number]>
}

const STATES = { ESTABLISHED: 'ESTABLISHED', TIME_WAIT: 'TIME_WAIT', SYN_RECV: 'SYN_RECV' }

/** Of three views, one after the other. */
async function onPage(page: Page): Promise<Shown> {
  await goTo(page, 'Overview')
  const total = await numberOf(page, 'conn-total')
  await goTo(page, 'States')
  const states: Shown['states'] = {}
  for (const state of Object.keys(STATES)) states[state] = await numberOf(page, `state-${state}`)
  await goTo(page, 'Services')
  const servers: Shown['servers'] = {}
  for (const rs of [`${RIP}:6379`, '192.168.168.12:6379'])
    servers[rs] = [
      await numberOf(page, `rs-${rs}-active`),
      await numberOf(page, `rs-${rs}-inactive`),
    ]
  return { total, states, servers }
}

/** The same in the words of ipvsadm. */
async function byIpvsadm(): Promise<Shown> {
  const [services, conns] = [
    await mustTapvs(lab, 'ipvsadm', '-ln'),
    await mustTapvs(lab, 'ipvsadm', '-ln', '-c'),
  ]
  const lines = conns.split('\n').filter(Boolean)
  const of = (word: string) => lines.filter(line => line.includes(` ${word} `)).length
  const servers: Shown['servers'] = {}
  for (const [, rs = '', active, inactive] of services.matchAll(
    /-> (\S+) +\w+ +\d+ +(\d+) +(\d+)/g,
  ))
    servers[rs] = [Number(active), Number(inactive)]
  return {
    total: lines.length,
    states: { ESTABLISHED: of('TCP_EST'), TIME_WAIT: of('TIME_WAIT'), SYN_RECV: of('SYN_RECV') },
    servers,
  }
}

test('numbers are those of ipvsadm and of the metrics at the same moment', async t => {
  const { page } = visit
  for (let i = 0; i < 3; i++) await hold(t)
  // Every connection a new one, while the page looks on.
  await mustClient(lab, ['redis-benchmark', '-h', VIP, '-q', '-t', 'get', '-k', '0', '-n', '500'])
  let last = ''
  const same = async () => {
    const ipvsadm = await byIpvsadm()
    const shown = await onPage(page)
    last = JSON.stringify({ shown, ipvsadm })
    return JSON.stringify(shown) === JSON.stringify(ipvsadm) ? shown : undefined
  }
  const limits = { limitMs: 12_000, everyMs: 200 }
  const { total, states } = await until('the page to say what ipvsadm says', limits, same).catch(
    error => assert.fail(`${error.message}: ${last}`),
  )
  assert.ok(total >= 3 && states.ESTABLISHED === 3, last)
  const metrics = readExposition(await mustTapvs(lab, 'metrics'))
  const established = metrics
    .get('tapvs_connections')
    ?.samples.filter(({ labels }) => labels.state === 'established')
    .reduce((sum, { value }) => sum + value, 0)
  await goTo(page, 'States')
  assert.equal(established, await numberOf(page, 'state-ESTABLISHED'))
})

test('a connection is seen to go from state to state', async t => {
  const { page } = visit
  await goTo(page, 'States')
  const edges = page.locator('#states tbody tr')
  const row = (from: string, to: string) =>
    edges.filter({ hasText: new RegExp(`^${from}${to}\\d`) }).first()
  const count = async (state: string) => numberOf(page, `state-${state}`)
  const isSoon = (established: number) =>
    until(`${established} ESTABLISHED`, { limitMs: 5000, everyMs: 100 }, async () =>
      (await count('ESTABLISHED')) === established ? true : undefined,
    )
  // Those of the test before have ended.
  await isSoon(0)
  const close = await hold(t)
  await isSoon(1)
  const waiting = await count('TIME_WAIT')
  close()
  await isSoon(0)
  assert.ok((await count('TIME_WAIT')) > 0 && (await count('TIME_WAIT')) <= waiting + 1)
  // Who closed first, and the answer of the other.
  await row('NONE', 'SYN_RECV').waitFor()
  await row('ESTABLISHED', 'CLOSE_WAIT').waitFor()
  assert.match(
    (await row('CLOSE_WAIT', 'TIME_WAIT').textContent()) ?? '',
    /FIN\+ACK from the real server/,
  )
  // What never happened is not drawn, until somebody points at a state or asks for all of it.
  const drawn = page.getByTestId('state-graph').locator('.edge')
  const taken = await drawn.count()
  const words = page.getByText(/^\d+ edges were never taken/).first()
  const never = Number(/^\d+/.exec((await words.textContent()) ?? '')?.[0])
  assert.ok(taken >= 4 && never > taken, `${taken} ${never}`)
  await page.getByRole('img', { name: /^CLOSE,/ }).focus()
  await page.getByText(/^CLOSE: Reset, or a segment/).waitFor()
  const near = await drawn.count()
  assert.ok(near > taken && near < taken + never, `${near}`)
  await words.getByRole('button', { name: 'Show them' }).click()
  assert.equal(await drawn.count(), taken + never)
})

test('a drop shows by its reason, as often as it was counted', async () => {
  const { page } = visit
  await goTo(page, 'Drops')
  const reasons = page.getByTestId('drops-chart').locator('tbody tr')
  const nobody = ['timeout', '1', 'redis-cli', '-h', VIP, '-p', '9999', 'ping']
  await lab.client(nobody, { timeoutMs: 5000 })
  const counted = async () => {
    const drops = readExposition(await mustTapvs(lab, 'metrics')).get('tapvs_drops_total')
    const samples = drops?.samples.filter(({ labels }) => labels.reason === 'tcp_no_service')
    return (samples ?? []).reduce((sum, { value }) => sum + value, 0)
  }
  assert.ok((await counted()) > 0)
  const row = reasons.filter({ hasText: 'tcp_no_service' })
  await row.waitFor()
  const sinceStart = async () => Number((await row.locator('td').last().textContent()) ?? '')
  await until('the count of the drop', { limitMs: 5000, everyMs: 100 }, async () =>
    (await sinceStart()) === (await counted()) ? true : undefined,
  )
  // A page that is loaded anew has not forgotten it, nor which view it was at.
  await page.reload()
  await row.waitFor()
  assert.match(await page.title(), /^Drops · /)
})
