/** Text of strangers, out of a file or from the network, on its way to a terminal or a log. */

/** Almost no text has more than this, and to look for it costs next to nothing. */
const STRANGE = /[^\n\t\x20-\x7e]/
/** Control characters, also those of C1 and such that turn the direction of writing, but no line end and no tab. */
const UNPRINTABLE = /[^\P{C}\n\t]/gu
/** What we colour with ourselves. */
const ESC = '\u001b'
const COLOUR = new RegExp(`(${ESC}\\[[\\d;]*m)`)

/** `text` with a ? for each character that could do something to a terminal. */
export function printable(text: string): string {
  return STRANGE.test(text) ? text.replaceAll(UNPRINTABLE, '?') : text
}

/** The same of a text that may have colours of our own. */
export function printableColoured(text: string): string {
  if (!text.includes(ESC)) return printable(text)
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('')
}

/** The same of JSON and of what YAML has in double quotes, where such a character can be written as what it is. */
export function escaped(text: string): string {
  if (!STRANGE.test(text)) return text
  return text.replaceAll(UNPRINTABLE, letter => {
    const units = Array.from({ length: letter.length }, (_, i) => letter.charCodeAt(i))
    return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
  })
}
