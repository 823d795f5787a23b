/** A failure the user can act on: one line that says what to do, and perhaps lines of a log that say why. */
export class LabError extends Error {
  readonly details: string
  /** Of the command; 2 is for what was used wrongly, as with tapvs itself. */
  readonly exitCode: number

  constructor(message: string, details = '', exitCode = 1) {
    super(message)
    this.name = 'LabError'
    this.details = details
    this.exitCode = exitCode
  }
}

/** An option or a config that cannot be meant. */
export class UsageError extends LabError {
  constructor(message: string) {
    super(message, '', 2)
  }
}
