/**
 * The site: the documents as pages, by Eleventy. `npm run site` makes dist/site, which any static server serves below any path; a
 * page loads nothing from elsewhere. Links between documents become links between pages (links.mjs).
 */

import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IdAttributePlugin } from '@11ty/eleventy'
import { documents, files, pageOf, toRoot } from './documents.mjs'
import { linksOf, slugOf } from './links.mjs'
import { navigation } from './navigation.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SITE = 'dist/site'

/** A document's first heading, without its marks. */
function titleOf(text) {
  return (/^# (.+)$/m.exec(text)?.[1] ?? '').replaceAll(/[`*]/g, '')
}

/** What pages link to that is no page. */
function copyFiles() {
  for (const path of files) {
    mkdirSync(join(ROOT, SITE, dirname(path)), { recursive: true })
    cpSync(join(ROOT, path), join(ROOT, SITE, path))
  }
}

export default function site(eleventy) {
  eleventy.setQuietMode(true)
  eleventy.addPlugin(IdAttributePlugin, { slugify: slugOf, checkDuplicates: false })
  eleventy.amendLibrary('md', markdown => {
    markdown.set({ html: true })
    linksOf(markdown)
  })
  const groups = navigation(readFileSync(join(ROOT, 'docs/README.md'), 'utf8'))
  for (const path of documents) {
    const text = readFileSync(join(ROOT, path), 'utf8')
    const data = { path, title: titleOf(text), permalink: pageOf(path), layout: 'page.njk' }
    eleventy.addTemplate(`documents/${path}`, text, { ...data, templateEngineOverride: 'md' })
  }
  eleventy.addGlobalData('groups', groups)
  eleventy.addFilter('fromHere', (to, url) => toRoot(url) + to)
  eleventy.on('eleventy.after', copyFiles)
  return {
    dir: { input: 'site/pages', includes: '../layouts', output: SITE },
    templateFormats: ['njk', 'md'],
    // Braces of a document are its own.
    markdownTemplateEngine: false,
  }
}
