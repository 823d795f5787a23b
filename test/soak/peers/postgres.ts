/** PostgreSQL's own tests: the regression suite and that of isolation, against a server that is there (`installcheck`). */

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { mustRun, run } from '../../../netns/processes.ts'
import { AS_NOBODY, postgresArgv, preparePostgres, untilPostgresAnswers } from '../postgres.ts'
import { stopped } from '../stopped.ts'
import type { Place, Results, Suite } from './suite.ts'

const PORT = 5432
const LIMIT_MS = 40 * 60_000
const SETTINGS = {
  port: PORT,
  // What is on disk afterwards is for nobody.
  fsync: 'off',
  max_connections: 100,
  max_prepared_transactions: 10,
}

interface Folders {
  /** Programs, of `usr/lib/postgresql/N`. */
  programs: string
  /** `pgxs/src/test`, with the drivers of the tests. */
  drivers: string
  headers: string
  /** `src/test` of the source. */
  tests: string
}

/**
 * @param unpacked where its packages are unpacked, so that there is a `usr` in it
 * @param source of the same version
 */
export function postgresSuite(unpacked: string, source: string): Suite {
  const [version = ''] = readdirSync(join(unpacked, 'usr/lib/postgresql'))
  const programs = join(unpacked, 'usr/lib/postgresql', version)
  const folders: Folders = {
    programs,
    drivers: join(programs, 'lib/pgxs/src/test'),
    headers: join(unpacked, 'usr/include/postgresql', version, 'server'),
    tests: join(source, 'src/test'),
  }
  return {
    port: PORT,
    serve: async (lab, folder, address) => {
      const bin = join(folders.programs, 'bin')
      await preparePostgres(bin, folder, folder)
      const child = lab.spawn(
        'rs',
        postgresArgv(bin, folder, { ...SETTINGS, listen_addresses: address }),
        { stdio: 'ignore' },
      )
      await untilPostgresAnswers(lab, bin, address, PORT)
      return async () => {
        await stopped(child, 'SIGINT')
        rmSync(join(folder, 'data'), { recursive: true })
      }
    },
    run: place => tested(folders, place),
  }
}

async function tested(folders: Folders, place: Place): Promise<Results> {
  const regress = await suite('regress', 'parallel_schedule', folders, place)
  const isolation = await suite('isolation', 'isolation_schedule', folders, place)
  return {
    passed: [...regress.passed, ...isolation.passed],
    failed: [...regress.failed, ...isolation.failed],
    details: [regress.details, isolation.details].join('\n').slice(0, 6000),
  }
}

async function suite(
  name: 'regress' | 'isolation',
  schedule: string,
  folders: Folders,
  { lab, folder, side, host }: Place,
): Promise<Results> {
  const own = join(folder, name)
  rmSync(own, { recursive: true, force: true })
  cpSync(join(folders.tests, name), own, { recursive: true })
  const libraries = join(folder, 'libraries')
  if (name === 'regress') await compiled(own, folders, libraries)
  mkdirSync(join(own, 'results'), { recursive: true })
  await mustRun(['chown', '-R', 'nobody:nogroup', own])
  const driver = name === 'regress' ? 'pg_regress' : 'pg_isolation_regress'
  const argv = [
    join(folders.drivers, name, driver),
    `--host=${host}`,
    `--port=${PORT}`,
    '--user=postgres',
    `--bindir=${join(folders.programs, 'bin')}`,
    `--inputdir=${own}`,
    `--outputdir=${own}`,
    `--dlpath=${libraries}`,
    `--schedule=${join(own, schedule)}`,
    '--max-concurrent-tests=20',
    // Tests name their own database.
    `--dbname=${name === 'regress' ? 'regression' : 'isolation_regression'}`,
  ]
  const inside = lab.inside(side, [...AS_NOBODY, 'env', '-C', own, ...argv])
  const { code, stdout, stderr } = await run(inside, { timeoutMs: LIMIT_MS })
  // `test boolean ... ok`, in groups without the first word; from 16 on `ok 2 + boolean 90 ms`.
  const lines = [
    ...stdout.matchAll(
      /^(?:test)? +([\w-]+) +\.\.\. (ok|FAILED)|^(ok|not ok) \d+ +[-+] ([\w-]+)/gm,
    ),
  ]
  const all = lines.map(([, old, was, is, newer]) => ({
    name: `${name}/${old ?? newer}`,
    passed: (was ?? is) === 'ok',
  }))
  const failed = all.filter(one => !one.passed).map(one => one.name)
  if (code !== 0 && failed.length === 0) failed.push(`${driver} ended with ${code}`)
  const diffs = join(own, 'regression.diffs')
  const details = existsSync(diffs)
    ? readFileSync(diffs, 'utf8').slice(0, 3000)
    : stderr.slice(-2000)
  return {
    passed: all.filter(one => one.passed).map(one => one.name),
    failed,
    details: code === 0 ? '' : details,
  }
}

/** The functions in C that the tests load, and those of contrib that they ask for. */
async function compiled(
  own: string,
  { headers, programs }: Folders,
  libraries: string,
): Promise<void> {
  mkdirSync(libraries, { recursive: true })
  chmodSync(libraries, 0o755)
  const library = join(libraries, 'regress.so')
  await mustRun([
    'cc',
    '-O1',
    '-w',
    '-shared',
    '-fPIC',
    '-I',
    headers,
    '-o',
    library,
    join(own, 'regress.c'),
  ])
  for (const name of ['refint.so', 'autoinc.so'])
    cpSync(join(programs, 'lib', name), join(libraries, name))
}
