/** Text of strangers, out of a file or from the network, on its way to a terminal or a log. */

/** Control characters, also those of C1 and such that turn the direction of writing, but no line end and no tab. */
const UNPRINTABLE = /[^\P{C}\n\t]/gu
/** Nearly every text is of these alone, which is seen faster. */
const UNUSUAL = /[^\n\t\x20-\x7e]/
/** What we colour with ourselves. */
const ESC = '\u001b'
const COLOUR = new RegExp(`(${ESC}\\[[\\d;]*m)`)

/** `text` with a ? for each character that could do something to a terminal. */
export function printable(text: string): string {
  return UNUSUAL.test(text) ? text.replaceAll(UNPRINTABLE, '?') : text
}

/** The same of a text that may have colours of our own. */
export function printableColoured(text: string): string {
  if (!text.includes(ESC)) return printable(text)
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('')
}
