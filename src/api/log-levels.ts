/**
 * Who speaks in the log, and how much of each is wanted. Every line belongs to a module; a module has the log's level
 * unless it was given one of its own.
 */

/** In config, requests and options; from the fewest lines to the most. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

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

export type ModuleLevels = Partial<Record<Module, LogLevel | undefined>>
