/** Texts of others: configs, what the importers read, filters. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKOUT } from '../../../netns/topology.ts'
import { ConfigError, configOf, parseConfig } from '../../../src/config/config.ts'
import { ImportError, type Imported } from '../../../src/config/import/imported.ts'
import { importIpvsadm } from '../../../src/config/import/ipvsadm.ts'
import { importKeepalived } from '../../../src/config/import/keepalived.ts'
import { configYaml, withoutDefaults } from '../../../src/config/write.ts'
import { FilterError, parseFilter } from '../../../src/see/moments/filter.ts'
import type { Moment } from '../../../src/see/moments/moment.ts'
import { sample } from '../../kit/imported.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'
import { mutateText } from './mutations.ts'
import { Fault, type Target } from './target.ts'

const read = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')
const wordsOf = (texts: readonly string[], shape: RegExp) => [
  ...new Set(texts.flatMap(text => text.match(shape) ?? [])),
]

/** A text in one line as JSON has it, so that it can be pasted. */
const show = (text: string) => JSON.stringify(text)

function text(
  target: Pick<Target<string>, 'name' | 'seeds' | 'read' | 'isRefusal' | 'files'> & {
    words: readonly string[]
  },
): Target<string> {
  const { words } = target
  return {
    ...target,
    mutate: (chance, input, other) => mutateText(chance, input, other, words),
    limitMs: 4000,
    show,
  }
}

export function configTarget(): Target<string> {
  const seeds = [
    SEED_CONFIG,
    read('config/lab.yaml'),
    ...readdirSync(join(CHECKOUT, 'examples'))
      .filter(name => name.endsWith('.yaml'))
      .map(name => read(`examples/${name}`)),
  ]
  return text({
    name: 'config',
    seeds,
    words: wordsOf(seeds, /[\w./]+:?/g),
    read(input) {
      const { file } = parseConfig(input, 'fuzz.yaml')
      // What is right stays right when it is written and read again.
      const written = configYaml(withoutDefaults(file))
      const again = parseConfig(written, 'written.yaml').file
      if (JSON.stringify(again) !== JSON.stringify(configOf(file).file))
        throw new Fault(`written, it is another:\n${written}`)
    },
    isRefusal: error => error instanceof ConfigError,
    files: /\/src\/config\//,
  })
}

function isImported({ file, notCarried, notes }: Imported): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  const odd = [...notCarried, ...notes].find(line => /[\u0000-\u001f\u007f-\u009f]/.test(line))
  if (odd !== undefined) throw new Fault(`a remark in ${show(odd)}`)
  const arms = [
    { name: 'ext0', addresses: ['0.0.0.1/0'] },
    { name: 'int0', addresses: ['10.255.255.1/32'], routes: [{ to: 'default' }] },
  ]
  try {
    configOf({ ...file, arms })
  } catch (error) {
    // Values may contradict one another, but each has to be one that the file may have.
    if (!(error instanceof ConfigError)) throw error
    const broken = error.problems.find(line => /expected a known key|expected a mapping/.test(line))
    if (broken !== undefined) throw new Fault(`it makes a config that is none: ${broken}`)
  }
}

export function ipvsadmTarget(): Target<string> {
  const seeds = ['dpvs.rules', 'lvs.rules', 'null.rules', 'script.sh'].map(sample)
  return text({
    name: 'ipvsadm',
    seeds,
    words: wordsOf(seeds, /[^\s]+/g),
    read: input => isImported(importIpvsadm(input, 'fuzz.rules')),
    isRefusal: () => false,
    files: /\/src\/config\/import\//,
  })
}

export function keepalivedTarget(): Target<string> {
  const names = ['addresses', 'defaults', 'dpvs', 'grammar', 'lvs', 'odd', 'one-line']
  const seeds = names.map(name => sample(`${name}.conf`))
  return text({
    name: 'keepalived',
    seeds,
    words: wordsOf(seeds, /[^\s]+/g),
    read: input => isImported(importKeepalived({ name: 'fuzz.conf', text: input })),
    isRefusal: error => error instanceof ImportError,
    files: /\/src\/config\/import\//,
  })
}

const FILTERS = [
  'host 10.0.0.1 and port 80 or not (tcp and state ESTABLISHED)',
  'client 202.108.10.2:33896 vip 202.108.10.1 lip 192.168.168.7:1025 rs 192.168.168.2:6379',
  'conn 202.108.10.2:33896 or drop tcp_no_conn or drop arm dpdk0 pair 3',
  'proto icmp and frag && ! arp || udp',
]

/** What has happened on a stand: an opening, a refused segment, ARP. */
function moments(): Moment[] {
  const stand = new Stand().record().resolveRss()
  for (const flags of ['S', '.', 'R'])
    stand.segment(
      'dpdk0',
      `202.108.10.2.33896 > 202.108.10.1.6379: Flags [${flags}], seq 1, ack 1, win 9, length 0`,
    )
  return stand.moments()
}

export function filterTarget(): Target<string> {
  const past = moments()
  return text({
    name: 'filter',
    seeds: FILTERS,
    words: wordsOf(FILTERS, /[^\s]+/g),
    read(input) {
      const passes = parseFilter(input)
      for (const moment of past) passes(moment)
    },
    isRefusal: error => error instanceof FilterError,
    files: /\/src\/see\/(moments|frame|text)\//,
  })
}
