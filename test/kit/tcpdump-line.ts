/** A line of `tcpdump -nnS`, taken apart. */

import assert from 'node:assert/strict'

export interface Segment {
  from: string
  to: string
  flags: string
  seq: number
  end: number
  ack: number
  win: number
  options: string[]
  length: number
  tail: string
}

/** One line of `tcpdump -nnS`. */
export function read(line: string): Segment {
  const m =
    /^(\S+) > (\S+): Flags \[(.*?)\](?:, seq (\d+)(?::(\d+))?)?(?:, ack (\d+))?, win (\d+)(?:, options \[(.*?)\])?, length (\d+)(.*)$/.exec(
      line,
    )
  assert.ok(m, `not a segment: ${line}`)
  const seq = Number(m[4] ?? 0)
  return {
    from: m[1],
    to: m[2],
    flags: m[3],
    seq,
    end: Number(m[5] ?? seq),
    ack: Number(m[6] ?? 0),
    win: Number(m[7]),
    options: m[8] === undefined ? [] : m[8].split(','),
    length: Number(m[9]),
    tail: m[10],
  }
}
