/** The man pages, made from what the parsers read. `npm run man` writes them to man/. */

import { DEFAULT_SOCKET } from '../../api/commands.ts'
import { release } from '../../control/system/version.ts'
import { wordsText } from '../dpip/command.ts'
import { DPIP_ABOUT } from '../dpip/help.ts'
import { DPIP_OPTIONS, OBJECTS, REFUSED_OBJECTS } from '../dpip/words.ts'
import { COMMON_OPTIONS, type OptionRow, optionTerm, UTC_OPTION } from '../grammar/options.ts'
import {
  example,
  item,
  lines,
  paragraphs,
  section,
  seeAlso,
  sentence,
  subsection,
  title,
} from '../grammar/roff.ts'
import type { Positional, VerbNode } from '../grammar/verb-tree.ts'
import { COMMANDS } from '../ipvsadm/commands.ts'
import { IPVSADM_ABOUT, synopsis } from '../ipvsadm/help.ts'
import { OPTIONS } from '../ipvsadm/options.ts'
import { REFUSED } from '../ipvsadm/refused.ts'
import { configPage } from './config-page.ts'

/** Verbs with a page of their own. */
const OWN_PAGES = ['ipvsadm', 'dpip']

/** Text by the name of its file; `keys` is docs/config.md, `example` a config. */
export function manualPages(
  tree: readonly VerbNode[],
  keys: string,
  example: string,
): Map<string, string> {
  return new Map([
    ['tapvs.1', mainPage(tree)],
    ['tapvs-ipvsadm.1', ipvsadmPage()],
    ['tapvs-dpip.1', dpipPage()],
    ['tapvs.yaml.5', configPage(keys, example)],
  ])
}

function mainPage(tree: readonly VerbNode[]): string {
  const about = 'a two-arm FullNAT layer-4 load balancer on TAP interfaces and NICs'
  const verbs = tree.map(verb =>
    OWN_PAGES.includes(verb.name)
      ? subsection(verb.name, paragraphs(`${sentence(verb.about)} See tapvs-${verb.name}(1).`))
      : verbText(verb, verb.name),
  )
  return [
    title('tapvs', release),
    section('NAME', `tapvs \\- ${about}\n`),
    section('SYNOPSIS', synopses(tree.map(verb => synopsisOf(verb)))),
    section(
      'DESCRIPTION',
      paragraphs(
        'tapvs run is the load balancer: a daemon between two arms, which are TAP interfaces or NICs. Clients reach a service at its virtual address (VIP); its real servers are reached from a local address (LIP) and a local port of the balancer, so that both addresses of every packet change.',
        'All other verbs ask the running daemon over its control socket, or need none.',
      ),
    ),
    section('VERBS', verbs.join('')),
    section('OPTIONS', [...COMMON_OPTIONS, UTC_OPTION, VERSION].map(optionItem).join('')),
    exitStatus('a wrong config counts as wrong use'),
    section(
      'ENVIRONMENT',
      item('TAPVS_SOCKET', 'The control socket of the daemon to ask, if --socket names none.') +
        item('TZ', 'The time zone of what is printed and read, if it is not that of the machine.') +
        item('NO_COLOR', 'If it is set and not empty, nothing is printed in colours.') +
        item('TERM', 'Of a dumb terminal nothing is moved or coloured.') +
        item(
          'LC_ALL, LC_CTYPE, LANG',
          'Where the locale is not UTF-8, what is drawn is drawn in ASCII.',
        ),
    ),
    section('FILES', item(DEFAULT_SOCKET, 'The control socket, if the config names none.')),
    examples(EXAMPLES),
    seeAlso('tapvs-ipvsadm(1)', 'tapvs-dpip(1)', 'tapvs.yaml(5)'),
  ].join('')
}

/** What somebody wants to do, and how. */
type Example = readonly [aim: string, ...commands: string[]]

const EXAMPLES: readonly Example[] = [
  [
    'Look at a config and at the machine, and start:',
    'tapvs config check /etc/tapvs/tapvs.yaml',
    'tapvs doctor --config /etc/tapvs/tapvs.yaml',
    'tapvs run --config /etc/tapvs/tapvs.yaml',
  ],
  ['A config out of what LVS or DPVS has:', 'tapvs config import ipvsadm rules > site.yaml'],
  [
    'What runs, and why something was refused:',
    'tapvs ipvsadm -ln',
    'tapvs counters',
    'tapvs explain drop',
  ],
  [
    'Who the client was behind what a real server has logged:',
    'tapvs whois 192.168.168.7:1028@12:03:11',
  ],
  ['Both arms into one file for Wireshark:', 'tapvs capture --ring -w both.pcapng'],
  [
    'Take a real server out when its connections have ended:',
    'tapvs drain 192.168.168.2:6379 --timeout 60',
  ],
  [
    'Change the config, seeing first what that would do:',
    'tapvs config diff site.yaml',
    'tapvs config apply site.yaml',
  ],
  ['Keep what was changed by hand:', 'tapvs config show > site.yaml'],
  ['The next version, with all connections:', 'tapvs upgrade --check', 'tapvs upgrade'],
]

function examples(all: readonly Example[]): string {
  return section(
    'EXAMPLES',
    all.map(([aim, ...commands]) => paragraphs(aim) + example(commands)).join('.PP\n'),
  )
}

const VERSION: OptionRow = { long: 'version', help: 'print the version' }

function verbText(verb: VerbNode, name: string): string {
  const own = subsection(
    [name, ...verb.positionals.map(positionalText)].join(' '),
    paragraphs(sentence(verb.about)) +
      verb.positionals
        .filter(({ help }) => help !== '')
        .map(positionalItem)
        .join('') +
      verb.options.map(optionItem).join(''),
  )
  return own + verb.verbs.map(inner => verbText(inner, `${name} ${inner.name}`)).join('')
}

function synopsisOf(verb: VerbNode): string {
  if (OWN_PAGES.includes(verb.name)) return `tapvs ${verb.name} ...`
  const words = verb.verbs.length > 0 ? [verb.verbs.map(({ name }) => name).join('|'), '...'] : []
  const options = verb.options.length > 0 ? ['[OPTIONS]'] : []
  return ['tapvs', verb.name, ...words, ...verb.positionals.map(positionalText), ...options].join(
    ' ',
  )
}

/** More of them fit no line, and man breaks none between words like `a|b`. */
const MOST_CHOICES = 12

function positionalText({ name, needed, choices }: Positional): string {
  const isShort = choices.length > 0 && choices.length <= MOST_CHOICES
  const text = isShort ? choices.join('|') : name.toUpperCase()
  return needed ? text : `[${text}]`
}

function positionalItem(positional: Positional): string {
  return item(positionalText(positional), sentence(positional.help))
}

function ipvsadmPage(): string {
  return [
    title('tapvs-ipvsadm', release),
    section('NAME', `tapvs\\-ipvsadm \\- ${IPVSADM_ABOUT}\n`),
    section('SYNOPSIS', synopses(COMMANDS.map(row => `tapvs ipvsadm ${synopsis(row)}`))),
    section(
      'DESCRIPTION',
      paragraphs(
        'Lists and changes the services of a running tapvs, with the options of ipvsadm as LVS and DPVS have them. Changes last until the daemon ends; tapvs config show prints them as a config file.',
        'Single letters may stand together (-lnc), and a value may be attached to its letter (-w100). Without any command, services are listed.',
      ),
    ),
    section('COMMANDS', COMMANDS.map(optionItem).join('')),
    section('OPTIONS', OPTIONS.map(optionItem).join('')),
    section(
      'NOT SUPPORTED',
      paragraphs('What other builds have and this has not is refused in a line that says why:') +
        REFUSED.map(row => item(optionTerm(row), sentence(row.refused))).join(''),
    ),
    section(
      'LISTINGS',
      paragraphs(
        'The columns are those of DPVS, trailing blanks included. The timeout of a connection is the configured one of its state, not the time left. Numbers too large for their column end in K, M, G or T; --exact prints them in full. Bytes and packets are those of the IP layer as received. CONFLICTS of --get-laddr are SYNs that found no local port.',
      ),
    ),
    exitStatus(),
    examples([
      [
        'A service, its local address and a real server:',
        'tapvs ipvsadm -A -t 202.108.10.1:6379 -s wrr',
        'tapvs ipvsadm -P -z 192.168.168.7 -t 202.108.10.1:6379 -F int0',
        'tapvs ipvsadm -a -t 202.108.10.1:6379 -r 192.168.168.2 -b -w 100',
      ],
      [
        'All services to a file, and back:',
        'tapvs ipvsadm -S > services',
        'tapvs ipvsadm -C',
        'tapvs ipvsadm -R < services',
      ],
    ]),
    seeAlso('tapvs(1)', 'tapvs-dpip(1)', 'tapvs.yaml(5)'),
  ].join('')
}

function dpipPage(): string {
  const all = OBJECTS.flatMap(object =>
    object.verbs.map(
      verb => `tapvs dpip ${wordsText(`${object.names[0]} ${verb.names[0]}`, verb)}`,
    ),
  )
  const objects = OBJECTS.map(object =>
    subsection(
      object.names.join(', '),
      paragraphs(sentence(object.help)) +
        object.verbs
          .map(verb => item(wordsText(verb.names.join('|'), verb), sentence(verb.help)))
          .join(''),
    ),
  )
  return [
    title('tapvs-dpip', release),
    section('NAME', `tapvs\\-dpip \\- ${DPIP_ABOUT}\n`),
    section('SYNOPSIS', synopses(all)),
    section(
      'DESCRIPTION',
      paragraphs(
        'Lists and changes the addresses, routes, neighbours and named sets of a running tapvs, in the words of dpip as DPVS has them. Words behind the verb stand in any order. Changes last until the daemon ends; tapvs config show prints them as a config file.',
        `Other objects of dpip are not supported: ${REFUSED_OBJECTS.join(', ')}.`,
      ),
    ),
    section('OBJECTS', objects.join('')),
    section(
      'OPTIONS',
      DPIP_OPTIONS.filter(({ refused }) => !refused)
        .map(optionItem)
        .join(''),
    ),
    exitStatus(),
    examples([
      [
        'A virtual address, the way to its clients, and a local address:',
        'tapvs dpip addr add 202.108.10.1/32 dev ext0',
        'tapvs dpip route add 202.108.10.0/24 dev ext0',
        'tapvs dpip addr add 192.168.168.7/32 dev int0 sapool',
      ],
      ['What the arms carry, every second:', 'tapvs dpip link show -i 1'],
    ]),
    seeAlso('tapvs(1)', 'tapvs-ipvsadm(1)', 'tapvs.yaml(5)'),
  ].join('')
}

function synopses(all: readonly string[]): string {
  return all.map(lines).join('.br\n')
}

function optionItem(row: OptionRow): string {
  return item(optionTerm(row), sentence(row.help))
}

function exitStatus(remark?: string): string {
  const used = remark ? `It was used wrongly; ${remark}.` : 'It was used wrongly.'
  return section(
    'EXIT STATUS',
    item('0', 'It is done.') +
      item('1', 'It failed; one line on standard error says why.') +
      item('2', used),
  )
}
