/** Cut if it is long. */
export function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
