/** Every reader, by its name. */

import { captureTarget, journalTarget } from './binaries.ts'
import { healthTarget, keptTarget } from './kept.ts'
import { requestTarget } from './requests.ts'
import { stateTarget } from './state.ts'
import { fuzzReader, type Plan, type Read, type Target } from './target.ts'
import { configTarget, filterTarget, ipvsadmTarget, keepalivedTarget } from './texts.ts'
import { commandTarget } from './words.ts'

const of =
  <T>(target: () => Target<T> | Promise<Target<T>>) =>
  async (plan: Plan): Promise<Read> =>
    fuzzReader(await target(), plan)

export const READERS: Readonly<Record<string, (plan: Plan) => Promise<Read>>> = {
  config: of(configTarget),
  ipvsadm: of(ipvsadmTarget),
  keepalived: of(keepalivedTarget),
  filter: of(filterTarget),
  capture: of(captureTarget),
  journal: of(journalTarget),
  // Ahead of what uses the same memory: only what is compiled while it is looked at is counted by blocks.
  health: of(healthTarget),
  kept: of(keptTarget),
  state: of(stateTarget),
  commands: of(commandTarget),
  api: of(requestTarget),
}
