/** Schedulers and what they hash by, in commands and listings. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceInfo } from '../../../src/api/commands.ts'
import type { ServiceFields } from '../../../src/api/edits.ts'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { readCommand } from '../../../src/cli/ipvsadm/command.ts'
import { formatServices } from '../../../src/cli/ipvsadm/listings.ts'
import { readSaved, saveText } from '../../../src/cli/ipvsadm/save.ts'
import { SERVICES } from '../canned.ts'

const SERVICE = { protocol: 'tcp', address: '202.108.10.1', port: 6379 } as const
const words = (rest: string) => [
  '-A',
  '-t',
  '202.108.10.1:6379',
  ...rest.split(' ').filter(Boolean),
]

const CASES: [options: string, fields: ServiceFields, listed: string][] = [
  ['', { scheduler: 'wlc' }, 'wlc'],
  ['-s rr', { scheduler: 'rr' }, 'rr'],
  [
    '-s mh --sched-flags mh-fallback,mh-port',
    { scheduler: 'mh', hash_fallback: true, hash_port: true },
    'mh (mh-fallback,mh-port)',
  ],
  ['-s sh --sched-flags=sh-port', { scheduler: 'sh', hash_port: true }, 'sh (sh-port)'],
  ['-s conhash', { scheduler: 'conhash' }, 'conhash sip'],
  [
    '-s conhash --hash-target qid --sched-flags conhash-fallback',
    { scheduler: 'conhash', hash_fallback: true, hash_target: 'qid' },
    'conhash (conhash-fallback) qid',
  ],
]

test('what is typed is what is asked for, listed and saved', () => {
  const [seed] = SERVICES
  for (const [options, fields, listed] of CASES) {
    const edit = { edit: 'add-service', service: SERVICE, ...fields }
    assert.deepEqual(readCommand(words(options)).command, { do: 'edit', edits: [edit] })
    const info = { ...seed, ...fields, local_addresses: [], real_servers: [] } as ServiceInfo
    assert.equal(formatServices([info]).split('\n')[3], `TCP  202.108.10.1:6379 ${listed}`)
    assert.deepEqual(readSaved(saveText([info])).edits, [edit])
  }
})

test('flags that mean nothing to the scheduler are not saved', () => {
  const [seed] = SERVICES
  const info = { ...seed, hash_fallback: true, hash_port: true, hash_target: 'qid' } as ServiceInfo
  assert.equal(saveText([info]), saveText([seed as ServiceInfo]))
})

test('what is wrong is said in a line', () => {
  const all = 'rr or wrr or lc or wlc or sed or nq or sh or dh or mh or conhash or fo'
  const cases: [string, string][] = [
    ['-s lblc', `no scheduler "lblc" here: ${all}`],
    ['-s mh --sched-flags sh-port', 'no flag "sh-port" here: -s mh has mh-fallback and mh-port'],
    ['--sched-flags sh-port', 'no flag "sh-port" here: -s wlc has no flags'],
    ['-s mh --hash-target qid', '--hash-target goes with -s conhash'],
    ['-s conhash --hash-target cid', 'no target "cid" here: sip or qid'],
  ]
  for (const [options, message] of cases) {
    assert.throws(
      () => readCommand(words(options)),
      (error: unknown) => error instanceof CliError && error.message === message,
    )
  }
})
