/** A real browser, Debian's Chromium without a window, that notes down whatever a page complains of. */

import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { CHECKOUT } from '../../netns/topology.ts'

/** Where screenshots stay, for people. */
export const SCREENSHOTS = join(CHECKOUT, 'dist', 'ui-screenshots')

/** As root, on loopback, and without a word to anybody else. playwright gives it a profile of its own each time. */
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
]

export interface Visit {
  page: Page
  /** Errors on the console, exceptions, requests that failed or left this machine, each as a line. */
  complaints: string[]
}

export class Chromium {
  #browser: Promise<Browser> | undefined

  /** Ends it after the tests of the file. */
  constructor() {
    after(async () => (await this.#browser)?.close())
  }

  /** A page with a cookie jar of its own, opened at `url`. */
  async visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
    this.#browser ??= chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS })
    const context = await (await this.#browser).newContext(options)
    context.setDefaultTimeout(10_000)
    const page = await context.newPage()
    const complaints: string[] = []
    const { origin } = new URL(url)
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning')
        complaints.push(`console: ${message.text()}`)
    })
    page.on('pageerror', error => complaints.push(`exception: ${error.message}`))
    page.on('requestfailed', request => {
      const why = request.failure()?.errorText ?? ''
      // What the page itself breaks off: a stream that is not wanted any more, a question that was overtaken.
      if (why !== 'net::ERR_ABORTED') complaints.push(`request: ${request.url()} ${why}`)
    })
    page.on('response', response => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
    })
    page.on('request', request => {
      if (!request.url().startsWith(`${origin}/`)) complaints.push(`away: ${request.url()}`)
    })
    // What its policy refused is not always told on the console: a try of eval that is caught is not.
    await page.addInitScript(
      "addEventListener('securitypolicyviolation', e => console.error('policy', e.violatedDirective, e.blockedURI))",
    )
    await page.goto(url)
    return { page, complaints }
  }
}

/** By its link in the navigation, until its heading is there. */
export async function goTo(page: Page, view: string): Promise<void> {
  const links = page.getByRole('navigation', { name: 'Views' })
  await links.getByRole('link', { name: view, exact: true }).click()
  await page.getByRole('heading', { level: 2, name: view, exact: true }).waitFor()
}

/** What is in the element of this `data-testid`, digits only. */
export async function numberOf(page: Page, id: string): Promise<number> {
  return Number(((await page.getByTestId(id).textContent()) ?? '').replaceAll(/\D/g, ''))
}

/** Saves what the page shows, all of it. => the file */
export async function screenshot(page: Page, name: string): Promise<string> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  const path = join(SCREENSHOTS, `${name}.png`)
  // What is fixed to the window stands in the middle of the picture otherwise.
  await page.evaluate('scrollTo({ top: 0, behavior: "instant" })')
  // Until all of it is drawn.
  await page.evaluate(
    'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))',
  )
  await page.screenshot({ path, fullPage: true })
  return path
}

interface Violation {
  id: string
  help: string
  nodes: { target: string[]; failureSummary: string }[]
}

let axe: string | undefined

/** What of the page shuts people out, by the rules of axe; a line for each place. */
export async function violations(page: Page): Promise<string[]> {
  axe ??= readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await page.evaluate(axe)
  const found = await page.evaluate('axe.run().then(({ violations }) => violations)')
  return (found as Violation[]).flatMap(({ id, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${help}): ${target.join(' ')}`),
  )
}
