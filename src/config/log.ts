/** The part of the config that is about the log, and about what is kept of connections that have ended. */

import type { LogLevel, ModuleLevels } from '../api/log-levels.ts'
import type { ConfigFile } from './schema.ts'

export type LogFormat = ConfigFile['log']['format']

export interface LogOptions {
  level: LogLevel
  /** A time in the text on stderr; in a file and in JSON there always is one. auto: unless stderr is a terminal. */
  timestamps: boolean | 'auto'
  format: LogFormat
  modules: ModuleLevels
  rate: LogRate
  /** Beside stderr. */
  file: LogFileOptions | null
}

export interface LogRate {
  /** Lines a second of all debug lines together; 0 for no limit. */
  debug: number
  /** Lines a second of each other kind of line; 0 for no limit. */
  kind: number
}

export interface LogFileOptions {
  path: string
  /** Bytes from which on the file is renamed and a new one begun. */
  maxBytes: number
  /** Old files that are kept: PATH.1 (the youngest) to PATH.KEEP. */
  keep: number
}

/** How many ended connections are remembered in memory, and how many days of them in the file. */
export interface ConfigHistory {
  /** 0 for none. */
  connections: number
  file: string | null
  /** Days. */
  keep: number
  /** Bytes of the file at most. */
  size: number
}
