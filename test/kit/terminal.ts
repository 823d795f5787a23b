/**
 * A program on a terminal: `script` gives it one, and what it draws is kept as rows of text, by the few control sequences that
 * line-drawing programs use. Colours are forgotten.
 */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'

const ESCAPE = '\u001b'
/** Behind the escape. */
const SEQUENCE = /^(?:\[([?0-9;]*)([A-Za-z])|[=>78])/
const PARTIAL = /^(?:\[[?0-9;]*)?$/

export class Terminal {
  readonly exitCode: Promise<number | null>
  readonly #child: ChildProcessWithoutNullStreams
  readonly #rows: number
  #lines: string[]
  #row = 0
  #column = 0
  #rest = ''
  #changed: (() => void)[] = []
  /** All that was written, for a look at what went wrong. */
  raw = ''

  constructor(command: string, rows = 24, columns = 80, term = 'xterm') {
    this.#rows = rows
    this.#lines = Array.from({ length: rows }, () => '')
    const sized = `stty rows ${rows} cols ${columns}; exec env -u CI TERM=${term} ${command}`
    this.#child = spawn('script', ['--quiet', '--flush', '--return', '-c', sized, '/dev/null'])
    this.#child.stdout.setEncoding('utf8').on('data', chunk => this.#draw(chunk))
    this.exitCode = new Promise(done => this.#child.once('close', done))
  }

  /** What stands there now, without blanks at the ends. */
  get screen(): string[] {
    return this.#lines.map(line => line.trimEnd())
  }

  type(keys: string): void {
    this.#child.stdin.write(keys)
  }

  /** Resolves when `shows` holds of the screen, rejects with the screen when it does not in time. */
  async until(shows: (screen: string) => boolean, limitMs = 10_000): Promise<string[]> {
    const end = Date.now() + limitMs
    while (!shows(this.screen.join('\n'))) {
      const left = end - Date.now()
      if (left <= 0) throw new Error(`the screen does not come to that:\n${this.screen.join('\n')}`)
      await new Promise<void>(done => {
        const timer = setTimeout(done, left)
        this.#changed.push(() => {
          clearTimeout(timer)
          done()
        })
      })
    }
    return this.screen
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #draw(chunk: string): void {
    this.raw += chunk
    let text = this.#rest + chunk
    this.#rest = ''
    while (text !== '') {
      const [first] = text
      const behind = text.slice(1)
      if (first !== ESCAPE) {
        this.#put(first)
        text = behind
        continue
      }
      if (PARTIAL.test(behind)) {
        this.#rest = text
        break
      }
      const sequence = SEQUENCE.exec(behind)
      if (sequence) this.#obey(sequence[1] ?? '', sequence[2] ?? '')
      text = behind.slice(sequence?.[0].length ?? 0)
    }
    for (const wake of this.#changed.splice(0)) wake()
  }

  #put(character: string): void {
    if (character === '\r') this.#column = 0
    else if (character === '\n') this.#down()
    else if (character >= ' ') {
      const line = this.#lines[this.#row].padEnd(this.#column)
      this.#lines[this.#row] =
        line.slice(0, this.#column) + character + line.slice(this.#column + 1)
      this.#column++
    }
  }

  #down(): void {
    if (this.#row < this.#rows - 1) this.#row++
    else this.#lines = [...this.#lines.slice(1), '']
  }

  #obey(argument: string, what: string): void {
    const number = Number(argument) || 1
    if (what === 'A') this.#row = Math.max(0, this.#row - number)
    else if (what === 'B') this.#row = Math.min(this.#rows - 1, this.#row + number)
    else if (what === 'E') {
      this.#row = Math.min(this.#rows - 1, this.#row + number)
      this.#column = 0
    } else if (what === 'G') this.#column = number - 1
    else if (what === 'H') {
      const [row, column] = argument.split(';').map(Number)
      this.#row = (row || 1) - 1
      this.#column = (column || 1) - 1
    } else if (what === 'K') {
      const line = this.#lines[this.#row]
      this.#lines[this.#row] = argument === '2' ? '' : line.slice(0, this.#column)
    } else if (what === 'J') {
      const from = argument === '2' || argument === '3' ? 0 : this.#row
      for (let row = from; row < this.#rows; row++) this.#lines[row] = ''
    } else if (what === 'h' || what === 'l') {
      if (argument !== '?1049') return
      this.#lines = Array.from({ length: this.#rows }, () => '')
      this.#row = 0
      this.#column = 0
    }
  }
}
