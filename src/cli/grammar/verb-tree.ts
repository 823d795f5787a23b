/**
 * What the verbs say of themselves, for the man pages and for completion. The same functions that tell yargs of a verb
 * tell this; it stands in for the parser and writes down what it hears.
 */

import type { Argv } from 'yargs'
import type { Common } from '../terminal/common.ts'
import type { Asked, OptionRow } from './options.ts'

export interface Positional {
  name: string
  needed: boolean
  choices: readonly string[]
  help: string
}

export interface VerbNode {
  name: string
  aliases: readonly string[]
  about: string
  positionals: readonly Positional[]
  options: readonly OptionRow[]
  verbs: readonly VerbNode[]
}

/** Of what yargs knows of an option or a positional, what we use. */
interface Definition {
  type?: string
  alias?: string | readonly string[]
  choices?: readonly (string | number)[]
  describe?: string
  description?: string
  desc?: string
  default?: unknown
  defaultDescription?: string
  hidden?: boolean
}

type Builder = ((verb: Argv<Common>) => unknown) | Record<string, Definition>

/** The verbs that `addVerbs` adds, hidden ones left out. */
export function verbTree(addVerbs: (common: Argv<Common>) => unknown): VerbNode[] {
  const recorder = new Recorder()
  addVerbs(recorder.argv)
  return recorder.verbs
}

class Recorder {
  readonly verbs: VerbNode[] = []
  readonly options: OptionRow[] = []
  readonly positionals = new Map<string, Definition>()

  /** Takes every call of yargs's; what is not written down is passed over. */
  get argv(): Argv<Common> {
    const proxy: Argv<Common> = new Proxy({} as Argv<Common>, {
      get: (_, method) => {
        return (...args: unknown[]) => {
          this.#hear(String(method), args)
          return proxy
        }
      },
    })
    return proxy
  }

  #hear(method: string, args: unknown[]): void {
    switch (method) {
      case 'command':
        this.#command(args[0] as string | string[], args[1] as string | false, args[2] as Builder)
        return
      case 'positional':
        this.positionals.set(args[0] as string, args[1] as Definition)
        return
      case 'option':
      case 'options': {
        const several = typeof args[0] === 'string' ? { [args[0]]: args[1] } : args[0]
        for (const [name, definition] of Object.entries(several as Record<string, Definition>)) {
          if (!definition.hidden) this.options.push(optionRow(name, definition))
        }
      }
    }
  }

  #command(spelling: string | string[], about: string | false, builder?: Builder): void {
    if (about === false) return
    const [first = '', ...aliases] = [spelling].flat()
    const [name = '', ...places] = first.split(' ')
    const inner = new Recorder()
    if (typeof builder === 'function') builder(inner.argv)
    else if (builder) inner.#hear('options', [builder])
    const positionals = places.map(place => {
      const bare = place.replace(/[<>[\].]/g, '')
      const definition = inner.positionals.get(bare) ?? {}
      const choices = (definition.choices ?? []).map(String)
      return { name: bare, needed: place.startsWith('<'), choices, help: helpOf(definition) }
    })
    const { options, verbs } = inner
    this.verbs.push({ name, aliases, about, positionals, options, verbs })
  }
}

function optionRow(long: string, definition: Definition): OptionRow {
  const letters = [definition.alias ?? []].flat().filter(alias => alias.length === 1)
  const choices = definition.choices?.map(String) ?? askedFor(long)
  return {
    long,
    ...(letters.length > 0 && { short: letters.join('') }),
    ...(definition.type !== 'boolean' && { values: [valueName(long, definition)] }),
    ...(choices && { choices }),
    help: helpOf(definition),
  }
}

function valueName(long: string, { choices }: Definition): string {
  if (choices) return choices.join('|')
  return isFile(long) ? 'FILE' : long.toUpperCase()
}

function helpOf(definition: Definition): string {
  const { describe, description, desc } = definition
  const value = definition.defaultDescription ?? definition.default
  const text = describe ?? description ?? desc ?? ''
  const tells = typeof value === 'number' || (typeof value === 'string' && value !== '')
  return tells ? `${text} (default ${value})` : text
}

/** By the names that verbs give their files. */
export function isFile(name: string): boolean {
  return ['config', 'file', 'path', 'socket', 'arms'].includes(name)
}

/** By the names that verbs give what the daemon knows. */
export function askedFor(name: string): Asked | undefined {
  const asked: Record<string, Asked> = {
    service: 'service',
    server: 'server',
    rs: 'server',
    arm: 'arm',
  }
  return asked[name]
}
