/** UTF-8 without a platform's encoder: this code runs in a browser, in Node and in tests alike. */

const REPLACEMENT = 0xfffd

/** Bytes of `text`; half of a surrogate pair becomes U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  // A UTF-16 unit takes at most three bytes, a pair of them four.
  const bytes = new Uint8Array(text.length * 3)
  let end = 0
  // Nearly every text is plain, and a capture makes thousands of them a second.
  while (end < text.length && text.charCodeAt(end) < 0x80) bytes[end] = text.charCodeAt(end++)
  if (end === text.length) return bytes.subarray(0, end)
  for (const letter of text.slice(end)) {
    let code = letter.codePointAt(0) as number
    if (code >= 0xd800 && code < 0xe000) code = REPLACEMENT
    if (code < 0x80) bytes[end++] = code
    else {
      const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3
      bytes[end++] = (more === 1 ? 0xc0 : more === 2 ? 0xe0 : 0xf0) | (code >>> (6 * more))
      for (let i = more - 1; i >= 0; i--) bytes[end++] = 0x80 | ((code >>> (6 * i)) & 0x3f)
    }
  }
  return bytes.subarray(0, end)
}

/** Text of bytes; whatever is no UTF-8 becomes U+FFFD, a byte at a time. */
export function utf8Text(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const first = view.getUint8(at++)
    const more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
    let code = more === 0 ? first : first & (0x3f >>> more)
    let good = more >= 0 && first < 0xf5 && at + more <= bytes.length
    for (let i = 0; good && i < more; i++) {
      const next = view.getUint8(at + i)
      good = (next & 0xc0) === 0x80
      code = (code << 6) | (next & 0x3f)
    }
    // Overlong forms, surrogates and what is beyond Unicode.
    const least = [0, 0x80, 0x800, 0x10000][more] ?? 0
    good &&= code >= least && code <= 0x10ffff && (code < 0xd800 || code >= 0xe000)
    text += String.fromCodePoint(good ? code : REPLACEMENT)
    if (good) at += more
  }
  return text
}
