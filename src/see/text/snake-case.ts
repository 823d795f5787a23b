/** Keys as files, the API and `--json` spell them. */

/** tableSize => table_size */
export function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
