/** `tapvs doctor`: a line for each finding. */

import type { Finding, Level } from '../../control/doctor/finding.ts'

const WORDS: Record<Level, string> = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' }

export function formatFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ level, check, text, mend }) => {
      const line = `${WORDS[level]}  ${check}: ${text}`
      return `${mend === undefined ? line : `${line}; ${mend}`}\n`
    })
    .join('')
}
