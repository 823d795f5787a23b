/**
 * How the page lets people in, and how it looks to them: its token, the keyboard, both themes, a narrow window, and what
 * axe says of it. The screenshots are for people: dist/ui-screenshots.
 */
// alone: a browser takes a core

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { startDaemon, stopDaemon } from '../../netns/appliance.ts'
import { Lab } from '../../netns/two-arm.ts'
import { Chromium, SCREENSHOTS, screenshot, violations } from '../kit/browser.ts'
import { freePort, labName, mustClient, mustTapvs, tokenOf, VIP } from '../kit/lab.ts'

const lab = new Lab(labName('uilook'))
const chromium = new Chromium()
let url: URL

before(async () => {
  // One that a daemon started anew has again.
  await lab.up({ ui: await freePort(), realServers: 3, clients: 2 })
  url = new URL((await mustTapvs(lab, 'ui')).trim())
})
after(() => lab.down())

const THEMES = ['light', 'dark'] as const
/** A desk, a tablet, and a telephone on which nothing may stick out to the side. */
const WINDOWS = { wide: [1280, 900], tablet: [768, 1024], narrow: [360, 740] } as const

/** Traffic of every kind: connections that come and go, one that stays, refused ones. */
async function traffic(): Promise<void> {
  const bench = ['redis-benchmark', '-h', VIP, '-q', '-t', 'get', '-c', '8', '-n', '400']
  await mustClient(lab, [...bench, '-k', '0'])
  await lab.client(['timeout', '0.3', 'redis-cli', '-h', VIP, '-p', '9999', 'ping'], {
    timeoutMs: 5000,
  })
}

/** The page with its sections filled, a connection in the ladder. */
async function settle(page: Page): Promise<void> {
  await page.getByTestId('conn-total').waitFor()
  await traffic()
  const row = page.locator('#conn-0')
  await row.scrollIntoViewIfNeeded()
  await row
    .getByRole('gridcell')
    .first()
    .filter({ hasText: /^202\./ })
    .waitFor()
  await row.click()
  await page.getByTestId('ladder').getByText('SYN', { exact: false }).first().waitFor()
  await page.getByTestId('drops-chart').scrollIntoViewIfNeeded()
  await page.getByTestId('drops-chart').locator('tbody tr').first().waitFor()
}

/** Status and body of a GET whose headers are ours. */
function ask(path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((done, fail) => {
    const options = { host: '127.0.0.1', port: url.port, path, headers }
    request(options, response => {
      response.resume()
      done(`${response.statusCode}`)
    })
      .once('error', fail)
      .end()
  })
}

test('only with the token, only by the name of this machine, and the address forgets it', async () => {
  const authorization = `Bearer ${tokenOf(url)}`
  for (const path of ['/v1/numbers', '/ui/conns', '/ui/live'])
    assert.equal(await ask(path, {}), '401', path)
  assert.equal(await ask('/v1/numbers', { authorization }), '200')
  assert.equal(await ask('/v1/config', { authorization }), '404')
  for (const host of ['evil.example', '192.0.2.1'])
    assert.equal(await ask('/', { authorization, host }), '403')
  const { page, complaints } = await chromium.visit(url.href)
  await page.getByTestId('conn-total').waitFor()
  assert.equal(page.url(), `${url.origin}/`)
  // A reload asks for no new one, another tab and another port of this machine do not have it.
  await page.reload()
  await page.getByTestId('conn-total').waitFor()
  assert.deepEqual(await page.context().cookies(), [])
  const other = await page.context().newPage()
  await other.goto(url.origin)
  await other.getByText('The daemon does not know this page').waitFor()
  // The right address in the tab that is open already.
  await other.goto(url.href)
  await other.getByTestId('conn-total').waitFor()
  assert.equal(other.url(), `${url.origin}/`)
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('both themes and all windows: nothing sticks out, and axe has nothing to say', async t => {
  for (const theme of THEMES) {
    const { page, complaints } = await chromium.visit(url.href, {
      colorScheme: theme,
      viewport: { width: 1280, height: 900 },
      reducedMotion: 'reduce',
    })
    await settle(page)
    for (const [name, [width, height]] of Object.entries(WINDOWS)) {
      await page.setViewportSize({ width, height })
      await page.waitForFunction(`innerWidth === ${width}`)
      const scrollWidth = await page.evaluate('document.documentElement.scrollWidth')
      assert.ok((scrollWidth as number) <= width, `${theme} ${name}: ${scrollWidth} px wide`)
      t.diagnostic(await screenshot(page, `${theme}-${name}`))
      if (name !== 'tablet') assert.deepEqual(await violations(page), [], `${theme} ${name}`)
    }
    assert.deepEqual(complaints, [])
    await page.context().close()
  }
  t.diagnostic(`screenshots are in ${SCREENSHOTS}`)
})

test('the theme is chosen by a button, by the keyboard too, and is kept', async () => {
  const { page, complaints } = await chromium.visit(url.href, { colorScheme: 'light' })
  const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
  const toggle = page.getByTestId('theme-toggle')
  await toggle.waitFor()
  const light = await background()
  await toggle.focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction(`getComputedStyle(document.body).backgroundColor !== '${light}'`)
  const dark = await background()
  await page.reload()
  await toggle.waitFor()
  assert.equal(await background(), dark)
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('the keyboard reaches everything that can be used, in the order of the page', async () => {
  const { page, complaints } = await chromium.visit(url.href)
  await page.getByTestId('conn-total').waitFor()
  const reached: string[] = []
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const at = (await page.evaluate(`(() => {
      const { dataset, ariaLabel, textContent, tagName } = document.activeElement
      const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement)
      const seen = outlineStyle !== 'none' || boxShadow !== 'none'
      return { tagName, name: dataset.testid || ariaLabel || textContent.trim(), seen }
    })()`)) as { tagName: string; name: string; seen: boolean }
    if (at.tagName === 'BODY') break
    assert.ok(at.seen, `one does not see that ${at.name} has the focus`)
    reached.push(at.name)
  }
  const wanted = ['theme-toggle', 'conn-search', 'Show', 'conn-table']
  const places = wanted.map(name => reached.indexOf(name))
  assert.equal(reached[0], 'Skip to the content')
  assert.ok(
    places.every(place => place > 0),
    JSON.stringify({ wanted, reached }),
  )
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('connections that come mixed: each row has its number, each change its heading; a refused frame says whose', async t => {
  const { page, complaints } = await chromium.visit(url.href, {
    viewport: { width: 1280, height: 900 },
  })
  await page.getByTestId('conn-total').waitFor()
  await page.getByLabel('Packets to show').fill('tcp')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  const ladder = page.getByTestId('ladder')
  // The ladder's own word: the one at the top is of the numbers, and comes first.
  await page.getByText(/^live · \d+ rows/).waitFor()
  await traffic()
  await ladder
    .getByText(/from 202\.108\.10\.\d+:\d+ to 202\.108\.10\.1:9999/)
    .first()
    .waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  const rungs = await ladder.locator('li').evaluateAll(list =>
    list.map(rung => ({
      heading: rung.classList.contains('rung-conn'),
      number: rung.querySelector('.rung-number')?.textContent,
    })),
  )
  assert.equal(rungs[0]?.heading, true)
  assert.ok(new Set(rungs.map(({ number }) => number)).size > 3)
  for (const [i, { heading, number }] of rungs.entries()) {
    assert.match(number ?? '', /^(#\d+|–)$/)
    if (!heading) assert.equal(number, rungs[i - 1]?.number)
  }
  await ladder.scrollIntoViewIfNeeded()
  t.diagnostic(await screenshot(page, 'ladder-mixed'))
  assert.deepEqual(await violations(page), [])
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('when the daemon dies all of the page is stale and says since when, until it is back', async t => {
  const { page } = await chromium.visit(url.href, { viewport: { width: 1280, height: 900 } })
  const well = page.getByText('Nothing is wrong')
  const problems = page.getByLabel('What is wrong')
  await well.or(problems).waitFor()
  await stopDaemon(lab.paths)
  await page
    .getByText(/No word from the daemon since \d\d:\d\d:\d\d\S*; what is shown is from then/)
    .waitFor()
  await page.getByText(/Nobody knows how it is: the last word .* is of \d\d:\d\d:\d\d/).waitFor()
  assert.equal(await well.or(problems).count(), 0)
  assert.equal(await page.locator('main.stale').count(), 1)
  assert.match(await page.title(), /^no word/)
  t.diagnostic(await screenshot(page, 'stale'))
  assert.deepEqual(await violations(page), [])
  await startDaemon(lab.paths)
  // Another token, if it has none of its own: the page asks for the new address, and takes it.
  await page.getByText('The daemon does not know this page').waitFor()
  await page.goto((await mustTapvs(lab, 'ui')).trim())
  await well.or(problems).waitFor()
  assert.equal(await page.locator('main.stale').count(), 0)
  await page.context().close()
})
