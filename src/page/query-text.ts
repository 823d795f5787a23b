/** Words by name as they stand in an address, `search=10.0%20%3A80&order=desc`, in either direction. */

/** What is empty is left out. */
export function queryText(words: Readonly<Record<string, string | number>>): string {
  return Object.entries(words)
    .map(([key, value]) => [key, String(value).trim()] as const)
    .filter(([, text]) => text !== '')
    .map(([key, text]) => `${key}=${encodeURIComponent(text)}`)
    .join('&')
}

/** What no address could have been made with is left out, and of two of a name the first is taken. */
export function queryWords(text: string): Map<string, string> {
  const words = new Map<string, string>()
  for (const part of text.split('&')) {
    const [, key = '', raw = ''] = /^([a-z]+)=(.+)$/.exec(part) ?? []
    if (key === '' || words.has(key)) continue
    try {
      words.set(key, decodeURIComponent(raw.replaceAll('+', ' ')))
    } catch {
      // Cut off in the middle of a letter.
    }
  }
  return words
}
