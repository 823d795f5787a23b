/** What the load tools print. A text that is not as expected is an error that shows its first line. */

import { LabError } from '../../netns/lab-error.ts'

/** redis-benchmark --csv. => requests per second */
export function redisRate(csv: string): number {
  const [head = '', row = ''] = csv.trim().split('\n').slice(-2)
  const column = head.split(',').indexOf('"rps"')
  const rate = Number(row.split(',')[column]?.replaceAll('"', ''))
  if (!(rate > 0)) throw unreadable('redis-benchmark', csv)
  return rate
}

/** iperf3 --json, the receiver's view. => bytes that arrived, and in how many seconds */
export function iperfSum(json: string): { bytes: number; seconds: number } {
  const { error, end } = parse('iperf3', json)
  if (typeof error === 'string') throw new LabError(`iperf3: ${error}`)
  const { bytes, seconds } = end?.sum_received ?? {}
  if (!(bytes > 0 && seconds > 0)) throw unreadable('iperf3', json)
  return { bytes, seconds }
}

/** One flat object of numbers, as our own clients print it. */
export function figures<K extends string>(
  tool: string,
  json: string,
  ...keys: K[]
): Record<K, number> {
  const found = parse(tool, json)
  if (!keys.every(key => Number.isFinite(found[key]))) throw unreadable(tool, json)
  return found
}

// biome-ignore lint/suspicious/noExplicitAny: every use checks what it takes
function parse(tool: string, json: string): any {
  try {
    return JSON.parse(json)
  } catch {
    throw unreadable(tool, json)
  }
}

function unreadable(tool: string, text: string): LabError {
  const line = text.trim().split('\n')[0]
  return new LabError(`${tool} said ${line ? JSON.stringify(line.slice(0, 120)) : 'nothing'}`)
}
