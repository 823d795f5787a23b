/**
 * How the page lets people in, and how it looks to them: its token, the keyboard, both themes, a narrow window, and what
 * axe says of it. The screenshots are for people: dist/ui-screenshots.
 */
// paired: a browser takes a core of the two

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { startDaemon, stopDaemon } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { Lab } from '../../netns/two-arm.ts'
import { Chromium, goTo, SCREENSHOTS, screenshot, violations } from '../kit/browser.ts'
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
const VIEWS = ['Overview', 'Services', 'Connections', 'Ladder', 'States', 'Lports', 'Drops']

/** Traffic of every kind: connections that come and go, one that stays, refused ones. */
async function traffic(conns = 400): Promise<void> {
  const bench = ['redis-benchmark', '-h', VIP, '-q', '-t', 'get', '-c', '8', '-n', `${conns}`]
  await mustClient(lab, [...bench, '-k', '0'])
  await lab.client(['timeout', '1', 'redis-cli', '-h', VIP, '-p', '9999', 'ping'], {
    timeoutMs: 5000,
  })
}

/** The page with its views filled, a connection in the ladder. */
async function settle(page: Page): Promise<void> {
  await page.getByTestId('conn-total').waitFor()
  await traffic()
  await goTo(page, 'Connections')
  const row = page.locator('#conn-0')
  await row
    .getByRole('gridcell')
    .first()
    .filter({ hasText: /^202\./ })
    .waitFor()
  await row.click()
  await page.getByTestId('ladder').getByText('SYN', { exact: false }).first().waitFor()
  await goTo(page, 'Drops')
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
  await other.getByText('sudo tapvs ui').waitFor()
  assert.deepEqual(await violations(other), [])
  await screenshot(other, 'refused')
  // The right address in the tab that is open already.
  await other.goto(url.href)
  await other.getByTestId('conn-total').waitFor()
  assert.equal(other.url(), `${url.origin}/`)
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('both themes, all windows, all views: nothing sticks out or is cut off in silence, and axe has nothing to say', async t => {
  const { page, complaints } = await chromium.visit(url.href, {
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
  })
  await settle(page)
  for (const view of VIEWS) {
    await goTo(page, view)
    assert.match(await page.title(), new RegExp(`^${view} · `))
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme })
      for (const [name, [width, height]] of Object.entries(WINDOWS)) {
        await page.setViewportSize({ width, height })
        await page.waitForFunction(`innerWidth === ${width}`)
        const scrollWidth = await page.evaluate('document.documentElement.scrollWidth')
        const which = `${view.toLowerCase()}-${colorScheme}-${name}`
        assert.ok((scrollWidth as number) <= width, `${which}: ${scrollWidth} px wide`)
        await until(
          `hints of ${which}`,
          HINTS,
          async () => (await page.evaluate(ALL_HINTED)) || undefined,
        )
        await screenshot(page, which)
      }
      assert.deepEqual(await violations(page), [], `${view} ${colorScheme} narrow`)
    }
    await page.setViewportSize({ width: 1280, height: 900 })
    assert.deepEqual(await violations(page), [], `${view} dark wide`)
  }
  assert.deepEqual(complaints, [])
  await page.context().close()
  t.diagnostic(`screenshots are in ${SCREENSHOTS}`)
})

const HINTS = { limitMs: 2000, everyMs: 20 }
/** Whether each box that can be scrolled to the side says so, and to which sides. */
const ALL_HINTED = `[...document.querySelectorAll('main *, header *')].every(box => {
  const cut = box.scrollWidth - box.clientWidth > 2 && getComputedStyle(box).overflowX === 'auto'
  const right = box.scrollLeft + box.clientWidth < box.scrollWidth - 2
  const said = box.parentElement.dataset.more ?? ''
  return !cut || said.includes('right') === right && said.includes('left') === box.scrollLeft > 2
})`

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

/** What has the focus, and whether one sees that. */
async function focused(page: Page): Promise<{ tag: string; name: string; seen: boolean }> {
  return (await page.evaluate(`(() => {
    const { dataset, ariaLabel, textContent, tagName: tag } = document.activeElement
    const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement)
    const seen = outlineStyle !== 'none' || boxShadow !== 'none'
    return { tag, name: dataset.testid || ariaLabel || textContent.trim(), seen }
  })()`)) as { tag: string; name: string; seen: boolean }
}

test('the keyboard reaches everything that can be used, in the order of the page', async () => {
  const { page, complaints } = await chromium.visit(url.href)
  await page.getByTestId('conn-total').waitFor()
  await goTo(page, 'Connections')
  // A page that is loaded begins at its top.
  await page.reload()
  await page.getByTestId('conn-table').waitFor()
  const reached: string[] = []
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const at = await focused(page)
    if (at.tag === 'BODY' || (i > 0 && at.name === reached[0])) break
    assert.ok(at.seen, `one does not see that ${at.name} has the focus`)
    reached.push(at.name)
  }
  const wanted = ['Skip to the content', ...VIEWS, 'help', 'theme-toggle']
  wanted.push('conn-search', 'conn-table', 'Words used on this page')
  const places = wanted.map(name => reached.indexOf(name))
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
    JSON.stringify({ wanted, reached }),
  )
  assert.equal(places[0], 0, JSON.stringify(reached))
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('keys lead to views, whose heading gets the focus; they are listed, and can be switched off', async () => {
  const { page, complaints } = await chromium.visit(url.href)
  await page.getByTestId('conn-total').waitFor()
  for (const [i, view] of VIEWS.entries()) {
    await page.keyboard.press(`${VIEWS.length - i}`)
    const name = VIEWS.at(-1 - i) ?? view
    await page.getByRole('heading', { level: 2, name, exact: true }).waitFor()
    assert.equal((await focused(page)).name, name)
    const here = page.getByRole('navigation').locator('[aria-current=page]')
    assert.equal(await here.textContent(), name)
  }
  await page.keyboard.press('?')
  const help = page.getByRole('dialog', { name: 'Keys' })
  await help.getByText('pause the ladder').waitFor()
  assert.deepEqual(await violations(page), [])
  await help.getByRole('checkbox').uncheck()
  await page.keyboard.press('Escape')
  await help.waitFor({ state: 'hidden' })
  await page.keyboard.press('5')
  assert.equal(await page.getByRole('heading', { level: 2 }).textContent(), 'Overview')
  // What a word means, without a mouse; Escape takes it away.
  await page.getByRole('button', { name: 'Handshake' }).focus()
  await page.keyboard.press('Enter')
  const says = page.getByText('from a client’s SYN to the SYN+ACK of the RS')
  await says.waitFor()
  assert.deepEqual(await violations(page), [])
  await page.keyboard.press('Escape')
  await says.waitFor({ state: 'hidden' })
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('what a view does not show is not asked for', async () => {
  const { page, complaints } = await chromium.visit(url.href)
  const asked: string[] = []
  page.on('request', request => asked.push(new URL(request.url()).pathname))
  const told = () => asked.filter(path => path.startsWith('/ui/') || path.startsWith('/v1/'))
  await page.getByTestId('conn-total').waitFor()
  for (const view of ['Services', 'States', 'Lports', 'Drops']) {
    await goTo(page, view)
    await page.waitForTimeout(300)
  }
  assert.deepEqual([...new Set(told())].sort(), ['/ui/live', '/ui/series'])
  await goTo(page, 'Connections')
  await page.waitForRequest(/ui\/conns/)
  await goTo(page, 'Ladder')
  await page.waitForTimeout(300)
  assert.ok(!asked.includes('/ui/moments'), 'nothing is chosen')
  assert.deepEqual(complaints, [])
  await page.context().close()
})

test('connections that come mixed: each row has its number, each change its heading; a refused frame says whose', async t => {
  const { page, complaints } = await chromium.visit(url.href, {
    viewport: { width: 1280, height: 900 },
  })
  await goTo(page, 'Ladder')
  await page.getByText('Nothing is chosen').waitFor()
  await page.getByLabel('Packets to show').fill('tcp')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  const ladder = page.getByTestId('ladder')
  // The ladder's own word: the one at the top is of the numbers, and comes first.
  await page.getByText(/^live · \d+ rows/).waitFor()
  // So few that none of their rows makes that of the refused one go by.
  await traffic(24)
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
  assert.match(await page.title(), /^no word · Overview/)
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
