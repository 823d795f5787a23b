/** Command lines: every verb's words read and none carried out, and what completes them. */

import type { Argv } from 'yargs'
import { complete } from '../../../src/cli/completion/completion.ts'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { readDpip } from '../../../src/cli/dpip/command.ts'
import { tupleOf } from '../../../src/cli/explain/conn.ts'
import { verbTree } from '../../../src/cli/grammar/verb-tree.ts'
import { readCommand } from '../../../src/cli/ipvsadm/command.ts'
import { readSaved } from '../../../src/cli/ipvsadm/save.ts'
import { parser } from '../../../src/cli/main.ts'
import { pointOf } from '../../../src/cli/texts/replay.ts'
import { loadVerbs } from '../../../src/cli/verbs/all.ts'
import { printable } from '../../../src/see/text/printable.ts'
import { sample } from '../../kit/imported.ts'
import { mutateWords } from './mutations.ts'
import type { Target } from './target.ts'

const TREE = verbTree(await loadVerbs())

const LINES = [
  'ipvsadm -A -t 10.0.0.1:80 -s wrr -p 300 -M 255.255.255.0',
  'ipvsadm -a -t 10.0.0.1:80 -r 192.168.0.2:80 -b -w 5 -x 10 -y 2',
  'ipvsadm -ln --stats -u 10.0.0.1:53 --exact',
  'ipvsadm -lnc --sockpair tcp:10.0.0.9:1:10.0.0.1:80 --cpu 1',
  'ipvsadm --set 90 3 5',
  'ipvsadm -P -t 10.0.0.1:80 -z 192.168.0.7 -F int0',
  'dpip addr add 10.0.0.1/24 dev ext0',
  'dpip route add default via 10.0.0.254 dev ext0',
  'dpip -v -s link show ext0 -i 1 -C 3',
  'dpip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev int0',
  'completion words -- ipvsadm -A -t 10.0.0.1:80 -',
  'conn 10.0.0.1:80 192.168.0.2:6379',
  'until 2026-01-31T12:00:01.5+01:00',
  'until +1.5',
  'capture -w x.pcapng host 10.0.0.1 --json -c 5',
  'explain conn 10.0.0.1:80 --json',
  'explain packet 4500 --arm ext0 --frame 2',
  'replay x.journal --until 12:00:01 --json',
  'config import --from ipvsadm x.rules --socket /run/a',
  'log level debug --module conn',
  'drain 10.0.0.2:80 --timeout 5 --utc',
  'whois 10.0.0.1:1025 --at 12:00 help',
  'top --once --interval 2',
  'restore -A -t 10.0.0.1:80',
].map(line => line.split(' '))

/** Thrown behind the checks, before the verb would be carried out. */
const READ = new Error('read')

async function readByYargs(argv: string[]): Promise<void> {
  const verbs = (await parser(argv)) as Argv
  verbs.middleware(() => {
    throw READ
  })
  try {
    // With a callback it prints nothing.
    await verbs.parseAsync(argv, {}, () => {})
  } catch (error) {
    if (error !== READ) throw error
  }
}

async function read([verb = '', ...words]: readonly string[]): Promise<unknown> {
  switch (verb) {
    case 'ipvsadm':
      return readCommand(words)
    case 'dpip':
      return readDpip(words)
    case 'completion':
      return complete(words, TREE, async () => [{ word: '10.0.0.1:80', about: '' }])
    case 'conn':
      return tupleOf(words)
    case 'until':
      return pointOf(words.join(' '), '2026-01-31T12:00:00.000Z')
    case 'restore':
      return readSaved(`${words.join(' ')}\n${sample('dpvs.rules').slice(0, 200)}`)
    default:
      return readByYargs([verb, ...words])
  }
}

export function commandTarget(): Target<readonly string[]> {
  const words = [...new Set(LINES.flat())]
  return {
    name: 'commands',
    seeds: LINES,
    mutate: (chance, input, other) => mutateWords(chance, input, other, words),
    read,
    isRefusal: error => error instanceof CliError,
    // As main.ts prints it.
    told: message => printable(message.replaceAll(/\s*\n\s*/g, ' ')),
    files: /\/src\/cli\//,
    limitMs: 4000,
    show: input => JSON.stringify(input),
  }
}
