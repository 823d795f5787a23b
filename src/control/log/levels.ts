/** Which lines of the log are wanted: a level for all modules, and some modules' own. */

import {
  LOG_LEVELS,
  type LogLevel,
  MODULES,
  type Module,
  type ModuleLevels,
} from '../../api/log-levels.ts'

/** Those whose debug lines come from packets: the packet threads write none of them unless one is at debug. */
const PACKET_MODULES: readonly Module[] = ['conn', 'neigh', 'sa_pool', 'service']

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
  get own(): Partial<Record<Module, LogLevel>> {
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
