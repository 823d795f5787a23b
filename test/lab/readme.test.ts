/** The README and the first tasks are true: every command in them runs, in its order, in a lab of the test's own. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import { labName } from '../kit/lab.ts'

const lab = new Lab(labName('readme'))
after(() => lab.down())

const fences = /^```sh\n([\s\S]*?)^```$/gm
const commandsOf = (file: string) =>
  [...readFileSync(join(CHECKOUT, file), 'utf8').matchAll(fences)].flatMap(([, block]) =>
    block.split('\n').filter(line => line !== '' && !line.startsWith('#')),
  )

/** Without sudo, and on this test's lab instead of the user's. */
function here(command: string): string {
  return command
    .replace(/^sudo /, '')
    .replace(/(scripts\/lab \w+)/, `$1 --name ${lab.name}`)
    .replace(/ --ui$/, ' --ui=0')
    .replaceAll('bin/tapvs ', `bin/tapvs --socket ${lab.paths.socket} `)
    .replaceAll('/run/tapvs/', `/run/${lab.name}/`)
}

function run(command: string): string {
  const env = { ...process.env, npm_config_update_notifier: 'false' }
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], {
    cwd: CHECKOUT,
    encoding: 'utf8',
    timeout: 60_000,
    env,
  })
  assert.equal(status, 0, `${command}: exit code ${status}\n${stdout}${stderr}`)
  // What programs have on stderr is for people, like stdout.
  return stdout + stderr
}

/** What a command must have printed, beyond ending well; by the words that are only in it. */
const SHOWN: [string, RegExp][] = [
  ['lab demo', /all as it should be/],
  ['set greeting', /OK/],
  ['get greeting', /hello/],
  ['ping', /1 received/],
  [
    'services and real servers',
    /TCP {2}202\.108\.10\.1:6379 wrr\n {2}-> 192\.168\.168\.2:6379 +FullNat 100/,
  ],
  ['ipvsadm -ln -c', /TIME_WAIT +202\.108\.10\.2:\d+ 202\.108\.10\.1:6379 +192\.168\.168\.7:\d+/],
  ['--stats', /Conns +InPkts +OutPkts/],
  // The lport of the first may have come back: TIME_WAIT is 7 s.
  ['dpip addr', /sa_used [12] /],
  ['dpip neigh', /192\.168\.168\.2 .*REACHABLE/],
  ['dpip link', /ext0/],
  ['counters', /conns_opened +2/],
  ['lab logs', /IPVS: new conn: /],
  ['tapvs ladder', /SYN_RECV[\s\S]+TOA added 202\.108\.10\.2:\d+/],
  ['explain conn', /chosen by the scheduler wrr/],
  ['tapvs whois', /202\.108\.10\.2:\d+/],
  ['explain packet', /SYN_RECV/],
  ['explain state', /TIME_WAIT/],
  ['--ring -w', /packets/],
  ['tapvs analyze', /1025/],
  ['tapvs ui', /^http:\/\/127\.0\.0\.1:\d+\/#token=/],
  ['tapvs replay', /all verdicts agree/],
  // Of the traffic in the background.
  ['capture --seconds', /202\.108\.10\.1\.6379/],
  ['tcpdump -nn -c', /192\.168\.168\.2\.6379/],
  ['--rate', /6379 +[0-9]+ +[1-9]/],
  ['config check', /ok/],
  ['lab status', /up/],
]

/** The same of docs/first-tasks.md. */
const DONE: [string, RegExp][] = [
  ['set greeting', /OK/],
  ['get greeting', /^$|hello/m],
  ['ipvsadm -ln -c', /TIME_WAIT +202\.108\.10\.2:\d+ 202\.108\.10\.1:6379 +192\.168\.168\.7:\d+/],
  ['tapvs ladder', /SYN_RECV[\s\S]+TOA added 202\.108\.10\.2:\d+/],
  ['-p 6380 ping', /PONG/],
  ['config check', /ok/],
  ['tapvs counters', /tcp_no_service/],
  ['explain drop', /tapvs ipvsadm -A -t 202\.108\.10\.1:6399/],
  ['config import', /delay_before_retry.*not carried over/],
  ['--dry-run', /wrr .*=> wlc [\s\S]+- service TCP 202\.108\.10\.1:6380/],
  ['top --once', /192\.168\.168\.12:6379/],
  ['-p 20777 ping', /PONG/],
  ['--stats', /202\.108\.10\.1:20777 +1 /],
  ['tapvs ui', /^http:\/\/127\.0\.0\.1:\d+\/#token=/],
]

const readme = commandsOf('README.md').filter(command => !command.includes('scripts/test'))
const tasks = commandsOf('docs/first-tasks.md')

test('the README has its two commands and a tour, and there are five tasks', () => {
  assert.ok(readme.length > 20)
  for (const [commands, shown] of [
    [readme, SHOWN],
    [tasks, DONE],
  ] as const)
    for (const [words] of shown)
      assert.ok(
        commands.some(command => command.includes(words)),
        words,
      )
})

for (const [commands, all] of [
  [readme, SHOWN],
  [tasks, DONE],
] as const) {
  for (const command of commands) {
    test(command.replace(/ +#.*/, ''), () => {
      const output = run(here(command))
      for (const [words, shown] of all) {
        if (command.includes(words)) assert.match(output, shown)
      }
    })
  }
}
