/** The man page of the config, made from the table of docs/config.md, which a test holds to the schema. */

import { release } from '../../control/system/version.ts'
import {
  example,
  item,
  lines,
  paragraphs,
  section,
  seeAlso,
  subsection,
  title,
} from '../grammar/roff.ts'

/** `keys` is docs/config.md, `minimal` a config. */
export function configPage(keys: string, minimal: string): string {
  const rows = keyRows(keys)
  const parts = new Set(rows.map(partOf))
  const keysOf = (part: string) => rows.filter(row => partOf(row) === part).map(keyItem)
  return [
    title('tapvs.yaml', release, 5),
    section('NAME', 'tapvs.yaml \\- the config of tapvs\n'),
    section(
      'DESCRIPTION',
      paragraphs(
        'One YAML file says everything: arms, services, and how they behave. tapvs run --config FILE starts with it; it may have any name. tapvs config check FILE reports every mistake with its line and column, tapvs config apply FILE makes it the running config, tapvs config show prints that as a file.',
        'A key is written here with all that it is in: services[].port is the port of each of services. Times are seconds. A key without a default may be left out and then means nothing. Documents that are named are in the package, in docs.',
      ),
    ),
    section('KEYS', [...parts].map(part => subsection(part, keysOf(part).join(''))).join('')),
    section(
      'EXAMPLES',
      paragraphs('What has to be there:') + example(minimal.trimEnd().split('\n')),
    ),
    seeAlso('tapvs(1)', 'tapvs-ipvsadm(1)', 'tapvs-dpip(1)'),
  ].join('')
}

interface KeyRow {
  key: string
  value: string
  standard: string
  meaning: string
}

/** `services` of `services[].port`. */
function partOf({ key }: KeyRow): string {
  return key.replace(/[.[].*/, '')
}

function keyRows(text: string): KeyRow[] {
  return text
    .slice(text.indexOf('## Every key'))
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => {
      const [key = '', value = '', standard = '', meaning = ''] = line
        .replace(/^\| /, '')
        .replace(/ ?\|$/, '')
        .split(' | ')
        .map(plain)
      return { key, value, standard, meaning }
    })
}

/** A cell without the marks of Markdown. Nobody can follow a link here: one alone in parentheses goes with them. */
function plain(cell: string): string {
  return cell
    .replaceAll(/ \(\[[^\]]+\]\([^)]*\)\)/g, '')
    .replaceAll(/\[below\]\([^)]*\)/g, 'docs/config.md')
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .trim()
}

/** Nothing is begun with a capital: many cells begin with a word that is written so. */
function keyItem({ key, value, standard, meaning }: KeyRow): string {
  const kinds = [value]
  if (standard === 'required') kinds.push('required')
  else if (standard !== 'none') kinds.push(`default ${standard}`)
  const more = meaning === '' ? '' : `.br\n${lines(meaning)}`
  return item(key, kinds.join('; ')) + more
}
