/** Cut if it is long. */
export function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** Lines without their ends, whichever they are; a mark of the byte order is none of the first. */
export function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
}
