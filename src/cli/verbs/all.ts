/** Every verb of the command line, in the order of --help, each loaded when it is needed: most of what a short listing costs is loading. */

import type { Argv } from 'yargs'
import type { Common } from '../terminal/common.ts'

type AddVerbs = (common: Argv<Common>) => void

const VERBS: Readonly<Record<string, () => Promise<(common: Argv<Common>) => unknown>>> = {
  run: async () => (await import('./run.ts')).addRun,
  config: async () => (await import('./config.ts')).addConfig,
  reload: async () => (await import('./reload.ts')).addReload,
  upgrade: async () => (await import('./upgrade.ts')).addUpgrade,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  log: async () => (await import('./log.ts')).addLog,
  counters: async () => (await import('./counters.ts')).addCounters,
  explain: async () => (await import('./explain.ts')).addExplain,
  drain: async () => (await import('./drain.ts')).addDrain,
  ipvsadm: async () => (await import('./ipvsadm.ts')).addIpvsadm,
  dpip: async () => (await import('./dpip.ts')).addDpip,
  top: async () => (await import('./top.ts')).addTop,
  ui: async () => (await import('./ui.ts')).addUi,
  capture: async () => (await import('./capture.ts')).addCapture,
  ladder: async () => (await import('./ladder.ts')).addLadder,
  analyze: async () => (await import('./analyze.ts')).addAnalyze,
  whois: async () => (await import('./whois.ts')).addWhois,
  metrics: async () => (await import('./metrics.ts')).addMetrics,
  record: async () => (await import('./record.ts')).addRecord,
  replay: async () => (await import('./replay.ts')).addReplay,
  completion: async () => (await import('./completion.ts')).addCompletion,
  version: async () => (await import('./version.ts')).addVersion,
}

/** => what adds the verb of that name alone; every verb, if there is none of it or no name */
export async function loadVerbs(name = ''): Promise<AddVerbs> {
  const one = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  const wanted = one ? [one] : Object.values(VERBS)
  const adding = await Promise.all(wanted.map(load => load()))
  return common => {
    for (const add of adding) add(common)
  }
}
