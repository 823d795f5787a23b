/** A server of PostgreSQL that is there for a soak only: what is on disk afterwards is for nobody. */

import { chmodSync, chownSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun, until } from '../../netns/processes.ts'
import type { Lab } from '../../netns/two-arm.ts'

/** PostgreSQL does not run as root; everybody has this user. */
export const NOBODY = 65534
export const AS_NOBODY = ['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups']

const dataOf = (folder: string) => join(folder, 'data')

/** An empty database in `folder`, which lies in or is `above`, for whoever comes. `bin` has the programs. */
export async function preparePostgres(bin: string, above: string, folder: string): Promise<void> {
  chmodSync(above, 0o755)
  chownSync(folder, NOBODY, NOBODY)
  const data = dataOf(folder)
  const locale = ['--no-locale', '--encoding=UTF8', '--auth=trust', '--username=postgres']
  await mustRun([...AS_NOBODY, join(bin, 'initdb'), '--no-sync', ...locale, '-D', data])
  const hba = join(data, 'pg_hba.conf')
  await mustRun([...AS_NOBODY, 'sh', '-c', `echo 'host all all all trust' >>${hba}`])
}

/** Ends by SIGINT, its fast way, which takes all of its processes along. */
export function postgresArgv(
  bin: string,
  folder: string,
  settings: Readonly<Record<string, string | number>>,
): string[] {
  const all = Object.entries({ unix_socket_directories: folder, ...settings })
  const options = all.flatMap(([key, value]) => ['-c', `${key}=${value}`])
  return [...AS_NOBODY, join(bin, 'postgres'), '-D', dataOf(folder), ...options]
}

export function untilPostgresAnswers(
  lab: Lab,
  bin: string,
  host: string,
  port: number,
): Promise<true> {
  const ready = [join(bin, 'pg_isready'), '-U', 'postgres', '-h', host, '-p', `${port}`]
  return until('PostgreSQL', { limitMs: 30_000, everyMs: 100 }, async () => {
    return (await lab.rs(ready)).code === 0 || undefined
  })
}
