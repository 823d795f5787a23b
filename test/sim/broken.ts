/** What a world came to. */

/** What did not hold. */
export class Broken extends Error {
  readonly rule: string
  constructor(rule: string, what: string, at: number) {
    super(`${rule}: ${what}; at ${at} ms`)
    this.rule = rule
  }
}

export interface Outcome {
  frames: number
  attempts: number
  /** Why conversations did not have to end well, and how many. */
  excuses: Map<string, number>
  /** Keys of the faults. */
  happened: number[]
}
