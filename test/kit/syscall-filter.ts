/** The system calls that the unit file allows, as numbers of this machine. */

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../netns/topology.ts'

/** => lines of the unit file with this key, what is behind the `=` */
export function unitLines(key: string): string[] {
  const unit = readFileSync(join(CHECKOUT, 'systemd', 'tapvs.service'), 'utf8')
  return unit
    .split('\n')
    .flatMap(line => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []))
}

/** A set of systemd or a system call, as names. */
function namesOf(word: string): string[] {
  if (!word.startsWith('@')) return [word]
  const text = execFileSync('systemd-analyze', ['syscall-filter', word], { encoding: 'utf8' })
  const words = text
    .split('\n')
    .slice(1)
    .map(line => line.trim())
  return words.filter(each => each !== '' && !each.startsWith('#')).flatMap(namesOf)
}

/** Names that are allowed: the first line decides that it is a list of those, the next ones add to it or, with ~, take away. */
function allowed(): Set<string> {
  // systemd adds these to every list.
  const names = new Set(namesOf('@default'))
  for (const line of unitLines('SystemCallFilter')) {
    const away = line.startsWith('~')
    for (const name of line.replace('~', '').split(' ').flatMap(namesOf)) {
      if (away) names.delete(name)
      else names.add(name)
    }
  }
  return names
}

/** Words before a command that run it under the filter of the unit, less some calls more. What they need is put into `folder`, which all may read then. */
export function underUnitFilter(folder: string, without: readonly string[] = []): string[] {
  const program = join(folder, 'seccomp-run')
  const source = join(CHECKOUT, 'test/kit/seccomp-run.c')
  execFileSync('cc', ['-O2', '-o', program, source])
  const header = spawnSync(
    'cc',
    ['-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c', '/dev/null'],
    {
      encoding: 'utf8',
    },
  ).stdout
  const names = allowed()
  for (const name of without) names.delete(name)
  const numbers = [...header.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].flatMap(
    ([, name, number]) => (names.has(name as string) ? [number] : []),
  )
  const list = join(folder, 'syscalls')
  writeFileSync(list, numbers.join('\n'))
  chmodSync(folder, 0o755)
  return [program, list]
}
