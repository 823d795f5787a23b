/** The bearer tokens of the TCP listeners. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConfigToken } from '../../config/listeners.ts'
import { isToken } from '../../config/schema.ts'

/** The token itself, from the part `key` of the config or its file. Throws an Error in one line if the file has none. */
export function tokenOf({ token, tokenFile }: ConfigToken, key: string): string {
  if (token !== null) return token
  const file = tokenFile ?? ''
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Error(`${key}.token_file: ${(error as Error).message}`)
  }
  if (!isToken(text)) throw new Error(`${file} holds no token of 16-256 characters without blanks`)
  return text
}

/** => a check of an Authorization header, whose time does not depend on how much of it is right */
export function tokenCheck(token: string): (header: string | undefined) => boolean {
  const same = sameAs(token)
  return header => same(/^Bearer +(\S+) *$/i.exec(header ?? '')?.[1])
}

/** => whether a text is `secret`, in a time that does not depend on how much of it is right */
export function sameAs(secret: string): (given: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(secret)
  // Digests have one length, which timingSafeEqual wants, and say nothing of the secret's.
  return given => timingSafeEqual(digest(given ?? ''), expected) && given !== undefined
}
