/** The macros of man(7) that our pages use. */

import { fold } from './options.ts'

/** Text as a line of a page: no character of it is a request or an escape. */
export function roffText(text: string): string {
  const safe = text.replaceAll('\\', '\\e').replaceAll('-', '\\-')
  return /^[.']/.test(safe) ? `\\&${safe}` : safe
}

/** A title line, with the name in capitals and the part of the manual; options are not hyphenated, nor lines stretched. */
export function title(name: string, version: string, part = 1): string {
  return `.TH ${roffText(name).toUpperCase()} ${part} "" "tapvs ${version}" "tapvs"\n.nh\n.ad l\n`
}

export function section(name: string, body: string): string {
  return `.SH ${name.includes(' ') ? `"${name}"` : name}\n${body}`
}

export function subsection(name: string, body: string): string {
  return `.SS "${roffText(name)}"\n${body}`
}

/** Paragraphs, each a text of any length. */
export function paragraphs(...texts: string[]): string {
  return texts.map(text => sentences(text)).join('.PP\n')
}

/** A term, its words of syntax bold, and what it means. */
export function item(term: string, meaning: string): string {
  return `.TP\n.B ${roffText(term)}\n${sentences(meaning)}`
}

/** Commands as they are typed. */
export function example(lines: readonly string[]): string {
  return `.PP\n.nf\n.RS\n${lines.map(line => `${roffText(line)}\n`).join('')}.RE\n.fi\n`
}

export function seeAlso(...pages: string[]): string {
  return section('SEE ALSO', `${pages.map(roffText).join(',\n')}\n`)
}

/** Help is in phrases, pages are in sentences. */
export function sentence(phrase: string): string {
  const text = phrase.charAt(0).toUpperCase() + phrase.slice(1)
  return /[.!?]$/.test(text) || text === '' ? text : `${text}.`
}

/** Each sentence begins a line, as man(7) wants it, and no line is long. */
function sentences(text: string): string {
  return text
    .split(/(?<=[.;:]) +(?=[A-Z])/)
    .map(lines)
    .join('')
}

/** Text in lines that are filled again when the page is shown. */
export function lines(text: string): string {
  return fold(text, 72)
    .map(line => `${roffText(line)}\n`)
    .join('')
}
