/** What every verb of the command line has and does. */

/** Options of every verb. */
export interface Common {
  socket: string
}

/** => false if the reader is behind */
export function print(text: string): boolean {
  return process.stdout.write(text)
}
