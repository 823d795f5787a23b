/** A failure the user can act on: one line that says what to do, and perhaps lines of a log that say why. */
export class LabError extends Error {
  readonly details: string

  constructor(message: string, details = '') {
    super(message)
    this.name = 'LabError'
    this.details = details
  }
}
