/** What happens in the daemon, for those who want to know at once: the events of `GET /v1/events`. */

import type { ServerKey, ServiceKey } from './edits.ts'
import type { LinkState } from './link-state.ts'
import type { LogLevel, Module } from './log-levels.ts'

/** Every event by its name, and what it carries. */
export interface EventData {
  /** The running config changed. */
  config: { steps: string[]; warnings: string[] }
  /** The health checks changed their mind about a real server. */
  server: { service: ServiceKey; server: ServerKey; up: boolean; reason: string }
  /** The device of an arm has gone or is back, was switched on or off, has lost its carrier or has it again. */
  arm: { arm: string } & LinkState
  /** Of one module, or of all. */
  log: { level: LogLevel; module?: Module }
  /** The daemon ends; the connection is about to be closed. */
  stopping: Record<string, never>
}

export type EventName = keyof EventData

export type DaemonEvent = {
  [N in EventName]: {
    /** `RUN-NUMBER`; what a client names to go on from there. */
    id: string
    event: N
    /** Of the event, ISO 8601. */
    time: string
    data: EventData[N]
  }
}[EventName]
