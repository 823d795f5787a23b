/** Every verb of the command line, in the order of --help. */

import type { Argv } from 'yargs'
import type { Common } from '../terminal/common.ts'
import { addAnalyze } from './analyze.ts'
import { addCapture } from './capture.ts'
import { addCompletion } from './completion.ts'
import { addConfig } from './config.ts'
import { addCounters } from './counters.ts'
import { addDoctor } from './doctor.ts'
import { addDpip } from './dpip.ts'
import { addDrain } from './drain.ts'
import { addExplain } from './explain.ts'
import { addIpvsadm } from './ipvsadm.ts'
import { addLadder } from './ladder.ts'
import { addLog } from './log.ts'
import { addMetrics } from './metrics.ts'
import { addRecord } from './record.ts'
import { addReload } from './reload.ts'
import { addReplay } from './replay.ts'
import { addRun } from './run.ts'
import { addTop } from './top.ts'
import { addUi } from './ui.ts'
import { addUpgrade } from './upgrade.ts'
import { addVersion } from './version.ts'
import { addWhois } from './whois.ts'

export function addVerbs(common: Argv<Common>): void {
  addRun(common)
  addConfig(common)
  addReload(common)
  addUpgrade(common)
  addDoctor(common)
  addLog(common)
  addCounters(common)
  addExplain(common)
  addDrain(common)
  addIpvsadm(common)
  addDpip(common)
  addTop(common)
  addUi(common)
  addCapture(common)
  addLadder(common)
  addAnalyze(common)
  addWhois(common)
  addMetrics(common)
  addRecord(common)
  addReplay(common)
  addCompletion(common)
  addVersion(common)
}
