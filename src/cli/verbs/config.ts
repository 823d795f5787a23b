/** `tapvs config`: config files, the config that is running, and those of other balancers. */

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Argv } from 'yargs'
import type { PlanInfo } from '../../api/commands.ts'
import { printable } from '../../see/text/printable.ts'
import { ask, CliError } from '../daemon/client.ts'
import { formatDifference, formatPlan, refuseRestart } from '../daemon/plan.ts'
import { type Common, Ended, print, warn } from '../terminal/common.ts'

const KINDS = ['ipvsadm', 'keepalived'] as const
type Kind = (typeof KINDS)[number]

export function addConfig(common: Argv<Common>): void {
  common.command('config', 'config files, and the config that is running', command =>
    addImport(addRunning(command)).demandCommand(
      1,
      'config needs a verb: check, show, diff, apply or import',
    ),
  )
}

/** Of files, and of the config that is running. */
function addRunning(config: Argv<Common>): Argv<Common> {
  return config
    .command(
      'check <file>',
      'report every mistake in a config file',
      check => check.positional('file', { type: 'string', demandOption: true }),
      async ({ file }) => {
        await readChecked(file)
        print(`${file}: ok\n`)
      },
    )
    .command(
      'show',
      'print the running config as a file',
      show => show,
      async ({ socket }) => {
        const { configYaml } = await import('../../config/write.ts')
        const config = await ask(socket, { verb: 'config' })
        print(configYaml(config as Parameters<typeof configYaml>[0]))
      },
    )
    .command(
      'diff <file>',
      'print what applying a file would change; exit code 1 if anything',
      diff => diff.positional('file', { type: 'string', demandOption: true }),
      async ({ socket, file }) => {
        const text = formatDifference(await apply(socket, file, true))
        print(text)
        if (text !== '') throw new Ended(1)
      },
    )
    .command(
      'apply <file>',
      'make a file the running config',
      apply =>
        apply
          .positional('file', { type: 'string', demandOption: true })
          .option('dry-run', { type: 'boolean', describe: 'print what it would change' }),
      async ({ socket, file, dryRun }) => {
        const plan = await apply(socket, file, dryRun === true)
        if (dryRun) print(formatDifference(plan) || 'nothing to do\n')
        refuseRestart(plan)
        if (!dryRun) print(formatPlan(plan))
      },
    )
}

function addImport(config: Argv<Common>): Argv<Common> {
  return config.command(
    'import <kind> <file>',
    'print a config made from one of another balancer',
    kind =>
      kind
        .positional('kind', {
          choices: KINDS,
          demandOption: true,
          describe: 'ipvsadm: what `ipvsadm -S -n` prints',
        })
        .positional('file', {
          type: 'string',
          demandOption: true,
          describe: '- for standard input',
        })
        .option('arms', {
          type: 'string',
          requiresArg: true,
          describe: 'config whose arms and settings are taken',
        })
        .option('config-id', {
          type: 'string',
          requiresArg: true,
          describe: 'of keepalived: whose @ lines are read; this host if left out',
        }),
    ({ kind, file, arms, configId }) => importConfig(kind, file, arms, configId),
  )
}

/** Throws ConfigError, and prints the warnings. */
async function readChecked(file: string) {
  // Imported here, because its libraries would double the start-up of every listing.
  const { readConfig } = await import('../../config/config.ts')
  const config = readConfig(file)
  warn(config.warnings)
  return config
}

/** Checked here first, where lines and columns are known. */
async function apply(socket: string, path: string, dryRun: boolean): Promise<PlanInfo> {
  const { file } = await readChecked(path)
  const { withoutDefaults } = await import('../../config/write.ts')
  return ask(socket, { verb: 'apply', config: withoutDefaults(file), dry_run: dryRun })
}

/** The config goes to stdout, everything that there is to say of it to stderr. */
async function importConfig(
  kind: Kind,
  name: string,
  base: string | undefined,
  configId: string | undefined,
): Promise<void> {
  const { withArms, withSkeleton } = await import('../../config/import/arms.ts')
  const { parseConfig, readConfig } = await import('../../config/config.ts')
  // yargs makes an empty text of a single dash.
  const isInput = name === '-' || (name === '' && process.argv.includes('-'))
  const imported = isInput
    ? await read(kind, await input(), 'stdin', configId)
    : await read(kind, textOf(name), name, configId)
  const completed =
    base === undefined ? withSkeleton(imported) : withArms(imported, readConfig(base).file)
  for (const line of imported.notCarried) process.stderr.write(`${line} (not carried over)\n`)
  for (const line of imported.notes) process.stderr.write(`${line}\n`)
  for (const note of completed.notes)
    process.stderr.write(printable(`${base ?? 'stdout'}: ${note}\n`))
  print(completed.yaml)
  // Mistakes name their places in the config that was printed.
  warn(parseConfig(completed.yaml, 'stdout').warnings)
}

async function read(kind: Kind, text: string, name: string, configId: string | undefined) {
  if (kind === 'ipvsadm') {
    const { importIpvsadm } = await import('../../config/import/ipvsadm.ts')
    return importIpvsadm(text, name)
  }
  const { importKeepalived } = await import('../../config/import/keepalived.ts')
  const { includeFiles } = await import('../../config/import/include.ts')
  // As keepalived itself: the first part of the host's name.
  const id = configId ?? hostname().replace(/\..*/, '')
  return importKeepalived({ name, text }, includeFiles, id)
}

async function input(): Promise<string> {
  process.stdin.setEncoding('utf8')
  let text = ''
  for await (const chunk of process.stdin) text += chunk
  return text
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CliError(`${file}: ${code === 'ENOENT' ? 'no such file' : message}`)
  }
}
