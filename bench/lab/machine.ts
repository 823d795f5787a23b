/** The line that says where figures come from: without it they mean nothing. */

import { arch, cpus, release, totalmem } from 'node:os'
import { run } from '../../netns/processes.ts'
import type { Contender } from './contenders.ts'

/** => machine, kernel, Node, and the versions of the programs that take part */
export async function machineLine(contenders: readonly Contender[]): Promise<string> {
  const [cpu] = cpus()
  const programs: [string, string][] = [
    ['redis-benchmark', '--version'],
    ['iperf3', '--version'],
    ...contenders.flatMap(({ version }) => (version ? [version] : [])),
  ]
  const versions = await Promise.all(programs.map(programVersion))
  return [
    `${cpus().length} x ${cpu?.model.trim() || 'CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `Linux ${release()} ${arch()}`,
    `Node ${process.version}`,
    ...versions,
  ].join(', ')
}

async function programVersion([program, option]: [string, string]): Promise<string> {
  const name = program.replace('-benchmark', '')
  const said = await run([program, option]).catch(() => undefined)
  return `${name} ${firstVersion(`${said?.stdout} ${said?.stderr}`) ?? 'missing'}`
}

/** => the first thing in a text that looks like a version */
export function firstVersion(text: string): string | undefined {
  return /\d+(?:\.\d+)+/.exec(text)?.[0]
}
