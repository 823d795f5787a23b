/** The page with many connections and services: its tables are searched, sorted and filtered, and one of each is looked at closely. */
// paired: a browser takes a core of the two

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { mustRun, until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import type { ConnsInfo } from '../../src/api/page.ts'
import { Chromium, goTo, numberOf, screenshot, type Visit } from '../kit/browser.ts'
import {
  countersOf,
  labConfig,
  labName,
  mustClient,
  mustTapvs,
  scratchFolder,
  tokenOf,
  VIP,
} from '../kit/lab.ts'

const CONNS = 20_000
const SERVICES = 1000
const PORT = 7000
/** Nobody: the frames go out and are lost, so that no answer ends the connections. */
const NOBODY = '192.168.168.99'

const folder = scratchFolder()
const config = labConfig(folder, 'many', yaml => {
  yaml.setIn(
    ['arms', 1, 'neighbours'],
    yaml.createNode([{ address: NOBODY, mac: '02:00:00:00:00:99' }]),
  )
  const servers = [0, 1, 2, 3].map(i => ({ address: NOBODY, port: PORT + i }))
  const idle = { address: VIP, port: PORT, scheduler: 'rr', conn_timeout: 600 }
  yaml.addIn(['services'], yaml.createNode({ ...idle, real_servers: servers }))
  for (const service of manyServices()) yaml.addIn(['services'], yaml.createNode(service))
  // However long all of this takes, they are still there.
  yaml.setIn(['tcp', 'timeouts'], yaml.createNode({ syn_recv: 600 }))
  // And one that matches.
  const out = { source: '192.168.168.0/24', in: 'int0', addresses: [{ address: '202.108.10.3' }] }
  yaml.setIn(['arms', 0, 'local_addresses'], yaml.createNode(['202.108.10.3']))
  yaml.setIn(['snat'], yaml.createNode([out]))
})

/** Of TCP, UDP and NAT64 in turn, with three real servers each. */
function manyServices() {
  return Array.from({ length: SERVICES }, (_, i) => ({
    address: i % 3 === 2 ? '2001:db8::9' : '202.108.10.9',
    port: 8000 + i,
    protocol: i % 3 === 1 ? 'udp' : 'tcp',
    real_servers: [1, 2, 3].map(host => ({ address: `192.168.168.${50 + host}`, port: 80 })),
  }))
}

const lab = new Lab(labName('uitable'))
const chromium = new Chromium()
let visit: Visit
let url: URL

before(async () => {
  await lab.up({ config, ui: 0 })
  const program = `${folder}/open-many`
  await mustRun(['cc', '-O2', '-o', program, `${CHECKOUT}/test/kit/open-many.c`])
  const [ext] = (await countersOf(lab)).arms
  await mustClient(lab, [program, 'ext0', ext?.mac ?? '', VIP, `${PORT}`, `${CONNS}`, '8000'])
  url = new URL((await mustTapvs(lab, 'ui')).trim())
  visit = await chromium.visit(url.href)
  await visit.page.getByTestId('conn-total').waitFor()
})
after(() => lab.down())
afterEach(() => assert.deepEqual(visit.complaints, []))

/** What the page's own server says, asked without the page. */
async function conns(query: string): Promise<ConnsInfo> {
  const authorization = `Bearer ${tokenOf(url)}`
  const response = await fetch(`${url.origin}/ui/conns?${query}`, { headers: { authorization } })
  assert.equal(response.status, 200)
  return (await response.json()) as ConnsInfo
}

/** Cells of the first row that shows, once they are what they should be. */
async function firstRow(is: (cells: string[]) => boolean): Promise<string[]> {
  const row = visit.page.locator('#conn-0').getByRole('gridcell')
  return until('the first row', { limitMs: 5000, everyMs: 50 }, async () => {
    const cells = await row.allTextContents()
    return cells.length > 0 && is(cells) ? cells : undefined
  })
}

const summary = () => visit.page.locator('#connections p.facts').last()
const search = () => visit.page.getByTestId('conn-search')

/** `12,500 of 50,001` or `50,001 connections` */
async function summaryIs(pattern: RegExp): Promise<void> {
  await summary().filter({ hasText: pattern }).waitFor()
}

test('as many as the daemon has, and only some dozen rows of them in the document', async () => {
  const { conns: counted } = await countersOf(lab)
  await goTo(visit.page, 'Overview')
  assert.equal(await numberOf(visit.page, 'conn-total'), counted.used)
  await goTo(visit.page, 'Connections')
  assert.ok(counted.used > CONNS * 0.7, `${counted.used} connections`)
  await summaryIs(new RegExp(`^${counted.used.toLocaleString('en')} connections$`))
  const rows = await visit.page.getByTestId('conn-table').getByRole('row').count()
  assert.ok(rows > 5 && rows < 100, `${rows} rows`)
})

test('a column sorts both ways, through all of them', async () => {
  const table = visit.page.getByTestId('conn-table')
  const byLip = table.getByRole('columnheader', { name: 'LIP' })
  const lport = (cells: string[]) => Number(cells[2]?.split(':')[1])
  await byLip.getByRole('button').click()
  const [lowest] = (await conns('sort=lip&limit=1')).rows
  await firstRow(cells => cells[2] === lowest?.lip)
  assert.equal(await byLip.getAttribute('aria-sort'), 'ascending')
  await byLip.getByRole('button').click()
  const [highest] = (await conns('sort=lip&order=desc&limit=1')).rows
  const cells = await firstRow(of => of[2] === highest?.lip)
  assert.equal(await byLip.getAttribute('aria-sort'), 'descending')
  assert.ok(lport(cells) > Number(lowest?.lip.split(':')[1]))
})

test('a search and filters leave what fits, and say how much that is', async () => {
  const { page } = visit
  // Of one that is there: with so many in so short a time some frames are lost.
  const [some] = (await conns('limit=1')).rows
  const part = some?.client.slice(0, -1) ?? ''
  await search().fill(part)
  const { matched, rows, total } = await conns(`search=${part}&limit=1000`)
  assert.ok(matched > 0 && matched < total / 10, `${matched} of ${total}`)
  assert.ok(rows.every(({ client }) => client.startsWith(part)))
  await summaryIs(new RegExp(`^${matched} of `))
  await firstRow(([client = '']) => client.startsWith(part))
  // A field for searching is emptied by Escape.
  await search().press('Escape')
  await summaryIs(/^\d\d,\d+ connections$/)
  const server = page.getByRole('combobox', { name: 'Real server' })
  // Those that fit are offered.
  await server.fill(`${NOBODY}:70`)
  await page
    .locator(`datalist option[value="${NOBODY}:${PORT + 3}"]`)
    .waitFor({ state: 'attached' })
  await server.fill(`${NOBODY}:${PORT + 2}`)
  const ofServer = await conns(`rs=${NOBODY}:${PORT + 2}&limit=1`)
  await summaryIs(new RegExp(`^${ofServer.matched.toLocaleString('en')} of `))
  await page.getByRole('combobox', { name: 'State' }).selectOption('FIN_WAIT')
  await summaryIs(/^0 of /)
  await page.getByText('No connection fits what is asked for above.').waitFor()
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await summaryIs(/^\d\d,\d+ connections$/)
})

test('by the keyboard alone: search, choose a row, and its packets are in the ladder', async () => {
  const { page } = visit
  await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  await search().focus()
  await page.keyboard.type('202.108.10.2:')
  await summaryIs(/^1 of /)
  for (let i = 0; i < 15; i++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate('document.activeElement.dataset.testid')) === 'conn-table') break
  }
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Home')
  const [client = '', vip, lip = '', rs] = await firstRow(() => true)
  assert.deepEqual([vip, rs], [`${VIP}:6379`, '192.168.168.2:6379'])
  await page.keyboard.press('Enter')
  const ladder = page.getByTestId('ladder')
  await ladder.getByText(lip).first().waitFor()
  const text = (await ladder.textContent()) ?? ''
  // What redis-cli sent long before anybody looked: the recorder had it.
  assert.match(text, /SYN/)
  assert.match(text, /ESTABLISHED/)
  const address = page.url()
  assert.match(address, /#ladder\?filter=conn%20202\.108\.10\.2%3A\d+$/)
  // Back is where the row was chosen; an address of old leads to the ladder too.
  await page.goBack()
  await summaryIs(/^1 of /)
  await screenshot(page, 'many-connections')
  await page.goto(`${url.origin}/?ladder=${encodeURIComponent(`conn ${client}`)}`)
  await ladder.getByText(lip).first().waitFor()
  assert.equal(page.url(), address)
})

test('a thousand services in a window: one scrolls, searches, sorts and unfolds them', async () => {
  const { page } = visit
  await goTo(page, 'Services')
  const table = page.getByTestId('services')
  const rows = table.getByRole('row')
  const count = page.getByTestId('service-count')
  await count.filter({ hasText: `${(SERVICES + 3).toLocaleString('en')} services` }).waitFor()
  const height = await page.evaluate('document.documentElement.scrollHeight')
  assert.ok(Number(height) < 1500, `${height} px`)
  assert.ok((await rows.count()) < 60)
  // Typing is answered within a second.
  await page.keyboard.press('/')
  const beganMs = performance.now()
  await page.keyboard.type('udp 8997')
  await count.filter({ hasText: '1 of ' }).waitFor()
  const tookMs = performance.now() - beganMs
  assert.ok(tookMs < 1000 + 8 * 50, `${tookMs} ms`)
  assert.match(page.url(), /#services\?search=udp%208997$/)
  assert.match((await rows.nth(1).textContent()) ?? '', /UDP 202\.108\.10\.9:8997.*3 of 3 take new/)
  // Unfolded by the keyboard.
  await table.focus()
  await page.keyboard.press('ArrowRight')
  await table.getByText('192.168.168.53:80').waitFor()
  assert.equal(await rows.nth(1).getAttribute('aria-expanded'), 'true')
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await count.filter({ hasText: ' services' }).waitFor()
  for (const word of ['MATCH', '2001:db8::9']) {
    await page.getByTestId('service-search').fill(word)
    await rows.nth(1).filter({ hasText: word }).waitFor()
  }
  // What was searched for is left with the view, and there again when one comes back.
  await page.getByTestId('service-search').fill('')
  await table.getByRole('button', { name: 'Inactive' }).click()
  await rows
    .nth(1)
    .filter({ hasText: `${VIP}:${PORT}` })
    .waitFor()
  await table.evaluate('table => table.scrollTo({ top: table.scrollHeight })')
  await table.locator('.row-current, [aria-rowindex="1004"]').first().waitFor()
  await page.goBack()
  await page.goForward()
  await rows
    .nth(1)
    .filter({ hasText: `${VIP}:${PORT}` })
    .waitFor()
  await screenshot(page, 'many-services')
})
