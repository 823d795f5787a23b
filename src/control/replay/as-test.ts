/**
 * The connections of a journal as a transcript for test/transcripts: the config, what goes in, what comes out of an engine
 * that begins empty, and the time between.
 */

import { type Change, compare } from '../../config/changes.ts'
import { type Config, configOf } from '../../config/config.ts'
import { fileLists } from '../../config/prefix-lists.ts'
import { configYaml } from '../../config/write.ts'
import { counted } from '../../see/text/counted.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import { withJournal } from '../journal/damaged.ts'
import type { Journal } from '../journal/format.ts'
import { ranIn } from '../journal/ran.ts'
import { alone, newPlaces, Rerun, type Step } from './rerun.ts'
import { dropOf, packetLine, sentLine } from './transcript-lines.ts'

/** `file` is the journal's name, for the comment in front. Throws Error if the journal has nothing that can be said so. */
export function asTest(journal: Journal, file: string): string {
  return withJournal(() => transcriptOf(journal, file))
}

function transcriptOf(journal: Journal, file: string): string {
  const { header } = journal
  const ran = ranIn(journal)
  const config = alone(withoutFiles(ran))
  const options = { changes: true, wire: true, first: [...listsOfFiles(ran)] }
  const rerun = new Rerun(journal, configOf(config), options)
  const names = config.arms.map(arm => arm.name)
  const lines: string[] = []
  let frames = 0
  for (const step of rerun.run()) {
    if (step.step === 'frame') frames++
    // Nothing has happened yet that time could change.
    if (frames === 0 && step.step === 'wait') continue
    lines.push(...linesOf(step, names))
  }
  if (frames === 0) throw new Error('has no connection from its beginning on')
  const { older, gone, other } = rerun.leftOut
  const yaml = configYaml(withoutPlaces(config)).trimEnd().split('\n')
  return [
    `# Made by tapvs replay --as-test of ${file}: recorded by tapvs ${header.tapvs} at ${header.begun}.`,
    `# Left out: ${counted(older, 'frame')} of older connections, ${gone} of connections that are not there, ${other} others.`,
    'config',
    ...yaml.map(line => `| ${line}`.trimEnd()),
    ...lines,
    `conns ${rerun.engine.conns.table.used}`,
    '',
  ].join('\n')
}

/** A transcript has no other files: what is in those comes as changes in front. */
function withoutFiles({ file }: Config): Pick<Config, 'file' | 'lists'> {
  const services = file.services.map(({ deny_file: _, allow_file: __, ...service }) => service)
  return { file: { ...file, services }, lists: {} }
}

function* listsOfFiles(config: Config): Generator<Change> {
  const files = fileLists(config.lists)
  const isOfFile = (name: string) => files[name] !== undefined
  for (const change of compare(null, config).changes(newPlaces())) {
    if (change.put === 'list' && isOfFile(change.name)) yield change
    if (change.put !== 'acl') continue
    const { deny, allow } = change.acl
    if ([...deny, ...(allow ?? [])].some(isOfFile)) yield change
  }
}

/** Where the daemon listens and writes is nothing of the engine's. */
function withoutPlaces(config: ReturnType<typeof alone>): ReturnType<typeof alone> {
  const { control: _, log: __, capture: ___, ...rest } = config
  return rest as ReturnType<typeof alone>
}

function linesOf(step: Step, names: readonly string[]): string[] {
  if (step.step === 'change') return [`change ${JSON.stringify(step.change)}`]
  const out = step.sent.map(sent => `< ${sentLine(sent, names)}`)
  if (step.step === 'wait') return [`wait ${step.ms / 1000}`, ...out]
  const line = packetLine(step.frame.bytes.subarray(VNET.BYTES)) ?? ''
  const drop = dropOf(step.verdict)
  return [`> ${names[step.arm]} | ${line}`, ...out, ...(drop === null ? [] : [`drop ${drop}`])]
}
