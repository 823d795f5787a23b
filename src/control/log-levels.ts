/**
 * Who speaks in the log, and how much of each is wanted. Every line belongs to a module; a module has the log's level
 * unless it was given one of its own.
 */

import { LOG_LEVELS, type LogLevel } from './commands.ts'

/** The last one is that of lines about the log itself. */
export const MODULES = [
  'daemon',
  'arm',
  'conn',
  'neigh',
  'sa_pool',
  'service',
  'check',
  'api',
  'session',
  'log',
] as const
export type Module = (typeof MODULES)[number]

/** Those whose debug lines come from packets: the packet threads write none of them unless one is at debug. */
const PACKET_MODULES: readonly Module[] = ['conn', 'neigh', 'sa_pool', 'service']

export type ModuleLevels = Partial<Record<Module, LogLevel | undefined>>

export class LogLevels {
  #base: LogLevel
  readonly #own = new Map<Module, LogLevel>()

  constructor(base: LogLevel, modules: ModuleLevels = {}) {
    this.#base = base
    this.setAll(base, modules)
  }

  get base(): LogLevel {
    return this.#base
  }

  /** Levels of modules that have one of their own. */
  get own(): ModuleLevels {
    return Object.fromEntries(this.#own)
  }

  of(module: Module): LogLevel {
    return this.#own.get(module) ?? this.#base
  }

  /** Without a module: the level of all, those that had one of their own as well. */
  set(level: LogLevel, module?: Module): void {
    if (module !== undefined) {
      this.#own.set(module, level)
      return
    }
    this.#base = level
    this.#own.clear()
  }

  /** As a config has them. */
  setAll(base: LogLevel, modules: ModuleLevels): void {
    this.set(base)
    for (const module of MODULES) {
      const level = modules[module]
      if (level !== undefined) this.#own.set(module, level)
    }
  }

  wants(level: LogLevel, module: Module): boolean {
    return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.of(module))
  }

  /** The packet threads have to write debug records. */
  get tracing(): boolean {
    return PACKET_MODULES.some(module => this.of(module) === 'debug')
  }
}
