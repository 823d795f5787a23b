/**
 * The site as `npm run site` makes it: every link leads somewhere, nothing comes from elsewhere, and the playground does in Chromium
 * what it does in the tests of src/play. The screenshots are for people: dist/ui-screenshots.
 */
// own process: a browser, and a build before it

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { CHECKOUT } from '../../netns/topology.ts'
import { LESSONS } from '../../src/play/lessons.ts'
import { Chromium, screenshot, violations } from '../kit/browser.ts'
import { serveFiles } from '../kit/static.ts'
import { play } from '../kit/transcript.ts'

const SITE = join(CHECKOUT, 'dist', 'site')
const chromium = new Chromium()
const scratch = mkdtempSync(join(tmpdir(), 'tapvs-site-'))
after(() => {
  rmSync(scratch, { recursive: true })
  end()
})
let url = ''
let end = () => {}

before(async () => {
  execFileSync(process.execPath, ['scripts/build-site.mjs'], { cwd: CHECKOUT, stdio: 'pipe' })
  const served = await serveFiles(SITE, '/below/some/path/')
  url = served.url
  end = served.end
})

const pages = () =>
  readdirSync(SITE, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.html'))
const read = (path: string) => readFileSync(join(SITE, path), 'utf8')
const all = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, one = '']) => one)

test('every document of the index is a page, and every link leads to a place', () => {
  const names = pages()
  assert.ok(names.length > 45 && names.includes('docs/concepts.html'), `${names.length} pages`)
  const ids = new Map(names.map(name => [name, new Set(all(read(name), / id="([^"]+)"/g))]))
  for (const name of names) {
    for (const href of all(read(name), / href="([^"]+)"/g)) {
      if (/^https?:/.test(href)) continue
      const [path = '', fragment] = href.replaceAll('&amp;', '&').split('#')
      const target = path === '' ? name : join(dirname(name), path)
      assert.ok(existsSync(join(SITE, target)), `${name} links to ${href}`)
      if (fragment && !target.startsWith('playground'))
        assert.ok(ids.get(target)?.has(decodeURIComponent(fragment)), `${name} links to ${href}`)
    }
  }
})

test('a page loads nothing from elsewhere, and may not', () => {
  for (const name of pages()) {
    const text = read(name)
    const loaded = [
      ...all(text, /<(?:script|img)[^>]* src="([^"]+)"/g),
      ...all(text, /<link[^>]* href="([^"]+)"/g),
    ]
    for (const from of loaded) assert.doesNotMatch(from, /^(?:\w+:|\/)/, `${name} loads ${from}`)
    assert.match(text, /Content-Security-Policy" content="default-src 'none'/, name)
    assert.doesNotMatch(text, /<style|<script(?![^>]* src=)| style="| on\w+="/, name)
  }
})

const saved = async (page: Page, button: string): Promise<string> => {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ])
  const path = join(scratch, download.suggestedFilename())
  await download.saveAs(path)
  return path
}

const place = (page: Page) => page.getByTestId('place').textContent()

test('the playground plays the seed, packet by packet, by keyboard too', async () => {
  const { page, complaints } = await chromium.visit(`${url}playground.html`)
  await page.getByTestId('rungs').waitFor()
  assert.equal(await place(page), '10 of 11, 13 ms')
  assert.equal(await page.getByTestId('state').textContent(), 'The connection is in TIME_WAIT.')
  assert.equal(await page.getByTestId('rungs').locator('.rung-packet').count(), 10)
  assert.match((await page.locator('#table pre').textContent()) ?? '', /^\[5\]tcp 7s {5}TIME_WAIT /)
  await screenshot(page, 'playground')
  await page.getByRole('button', { name: 'Start' }).focus()
  await page.keyboard.press('Enter')
  assert.equal(await place(page), '0 of 11')
  assert.equal(await page.getByTestId('rungs').locator('.rung-packet').count(), 0)
  await page.getByRole('button', { name: 'Next' }).focus()
  await page.keyboard.press('Enter')
  assert.equal(await place(page), '1 of 11, 1 ms')
  assert.match((await page.locator('#log pre').textContent()) ?? '', /SAPOOL: sa_pool_fetch/)
  await page.getByRole('slider').focus()
  await page.keyboard.press('End')
  assert.equal(await place(page), '11 of 11, 10000 ms')
  assert.equal(await page.getByTestId('state').textContent(), 'No connection.')
  await page.getByRole('button', { name: 'Play' }).click()
  await page
    .getByTestId('place')
    .filter({ hasText: /^1 of 11/ })
    .waitFor()
  assert.deepEqual(complaints, [])
})

test('a lesson is done by the form, remembered, and in the link', async () => {
  const { page, complaints } = await chromium.visit(`${url}playground.html`)
  await page.getByText('Not yet').waitFor()
  await page.getByLabel('Who closes first').selectOption('rs')
  await page.getByText('Done. Now it was FIN_WAIT').waitFor()
  assert.match(page.url(), /#v=1&closes=rs&workers=7&worker=5&isn=2976553321$/)
  await page.getByText(`1 of ${LESSONS.length} done`).waitFor()
  await page.reload()
  await page.getByText(`1 of ${LESSONS.length} done`).waitFor()
  await page.getByRole('button', { name: 'No lport left' }).click()
  await page.getByText('Not yet').waitFor()
  await page.getByText('A hint').click()
  await page.getByRole('button', { name: 'Show a way' }).click()
  await page.getByText('Done. The drop is lport_exhausted').waitFor()
  await page.getByRole('heading', { name: /lport_exhausted, \d+ packets/ }).waitFor()
  await page.getByRole('button', { name: 'An end in CLOSE_WAIT' }).click()
  await page.getByRole('button', { name: 'Lose it before the balancer' }).click()
  await page.getByText('lost between client and VIP').waitFor()
  await page.getByLabel('Weights').fill('10 x')
  await page.getByText('servers takes 1 to 4 of:').waitFor()
  assert.equal(await page.getByLabel('Weights').getAttribute('aria-invalid'), 'true')
  assert.deepEqual(complaints, [])
})

test('what is exported is a transcript and a capture, and the link is copied', async () => {
  const { page } = await chromium.visit(`${url}playground.html#v=1&closes=both&lost=vip.1`)
  await page.getByTestId('rungs').waitFor()
  const stand = play(readFileSync(await saved(page, 'Export transcript'), 'utf8'))
  assert.equal(stand.events('CONNS_OPENED'), 1)
  const capture = await saved(page, 'Export pcapng')
  const fields = ['-T', 'fields', '-e', 'frame.comment', '-e', 'tcp.flags.str']
  const lines = execFileSync('tshark', ['-r', capture, ...fields], { encoding: 'utf8' })
  const packets = lines.trimEnd().split('\n')
  assert.ok(packets.length > 20 && packets.every(line => line.length > 10), lines)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'Copy link' }).click()
  await page.getByText('The link is copied.').waitFor()
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), page.url())
})

test('nobody is shut out: light on a phone, dark on a desk', async () => {
  const phone = { viewport: { width: 360, height: 740 } }
  for (const options of [phone, { colorScheme: 'dark' as const }]) {
    for (const path of ['playground.html#v=1&protcol=udp', 'docs/concepts.html']) {
      const { page, complaints } = await chromium.visit(url + path, options)
      if (path.startsWith('playground'))
        await page.getByRole('alert').getByText('did you mean protocol?').waitFor()
      assert.deepEqual(await violations(page), [], path)
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      assert.ok(Number(wide) <= 0, `${path} is ${wide} px too wide`)
      // What is wider than the screen scrolls inside of its box, which says to which side.
      if ('viewport' in options && path.startsWith('playground'))
        await page.locator('.sideways[data-more~="right"]').first().waitFor()
      if ('colorScheme' in options) await screenshot(page, `site-dark-${path.split(/[/.]/)[0]}`)
      assert.deepEqual(complaints, [])
    }
  }
})

test('the site works from files, without a server', async () => {
  const { page } = await chromium.visit(`file://${SITE}/playground.html#v=1&protocol=udp`)
  await page.getByText('The connection is in UDP_NORM.').waitFor()
})
