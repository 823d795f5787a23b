import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { OBJECTS, REFUSED_OBJECTS } from '../../../src/cli/dpip/words.ts'
import { roffText } from '../../../src/cli/grammar/roff.ts'
import { verbTree } from '../../../src/cli/grammar/verb-tree.ts'
import { COMMANDS } from '../../../src/cli/ipvsadm/commands.ts'
import { OPTIONS } from '../../../src/cli/ipvsadm/options.ts'
import { REFUSED } from '../../../src/cli/ipvsadm/refused.ts'
import { manualPages } from '../../../src/cli/manual/manual.ts'
import { loadVerbs } from '../../../src/cli/verbs/all.ts'

const addVerbs = await loadVerbs()
const TREE = verbTree(addVerbs)
const read = (path: string) => readFileSync(join(CHECKOUT, path), 'utf8')
const PAGES = manualPages(TREE, read('docs/config.md'), read('examples/minimal.yaml'))

const page = (name: string) => PAGES.get(name) ?? ''

test('man/ is what the parsers read; npm run man writes it', () => {
  const folder = join(CHECKOUT, 'man')
  assert.deepEqual(readdirSync(folder).sort(), [...PAGES.keys()].sort())
  for (const [name, text] of PAGES)
    assert.equal(readFileSync(join(folder, name), 'utf8'), text, name)
})

test('the package installs every page', () => {
  const { man, files } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
  assert.deepEqual(
    man,
    [...PAGES.keys()].map(name => `man/${name}`),
  )
  assert.ok(files.includes('man'))
})

test('every verb, command, option and word has its place', () => {
  for (const { name } of TREE) assert.ok(page('tapvs.1').includes(`.SS "${name}`), name)
  for (const { long } of [...COMMANDS, ...OPTIONS, ...REFUSED])
    assert.ok(page('tapvs-ipvsadm.1').includes(roffText(`--${long}`)), long)
  for (const { names, verbs } of OBJECTS) {
    assert.ok(page('tapvs-dpip.1').includes(`.SS "${names.join(', ')}"`), names[0])
    for (const verb of verbs)
      assert.ok(page('tapvs-dpip.1').includes(`.B ${verb.names.join('|')}`), verb.names[0])
  }
})

test('every key of the config has its place, with its values and its default', () => {
  const items = page('tapvs.yaml.5').split('.TP\n').slice(1)
  const terms = items.map(text => text.split('\n')[0]?.slice(3))
  const text = read('docs/config.md')
  const rows = text.slice(text.indexOf('## Every key')).matchAll(/^\| `([^`]+)` \|/gm)
  const wanted = [...rows].map(([, key = '']) => roffText(key))
  assert.deepEqual(terms, wanted)
  assert.ok(terms.length > 100, `${terms.length} keys`)
  assert.ok(items.includes('.B workers.count\n1\\-32; default 1\n.br\npacket threads\n'))
})

test('pages say which variables they heed, and have examples', () => {
  for (const name of ['TAPVS_SOCKET', 'NO_COLOR', 'TZ'])
    assert.ok(page('tapvs.1').includes(`.B ${name}\n`), name)
  for (const [name, text] of PAGES) assert.match(text, /^\.SH EXAMPLES$/m, name)
})

test('docs/ipvsadm.md has every option and object, supported or not', () => {
  const text = readFileSync(join(CHECKOUT, 'docs', 'ipvsadm.md'), 'utf8')
  const quiet = ['socket', 'help', 'version', 'real-server', 'laddr', 'ifname']
  for (const row of [...COMMANDS, ...OPTIONS, ...REFUSED]) {
    const names = [...(row.short ?? '')].map(letter => `-${letter}`)
    if (quiet.includes(row.long)) continue
    const found = [...names, `--${row.long}`].some(name => text.includes(`\`${name}`))
    assert.ok(found, row.long)
  }
  for (const name of [...OBJECTS.flatMap(({ names: [first] }) => first ?? []), ...REFUSED_OBJECTS])
    assert.ok(text.includes(`\`${name}`), name)
})

test('requests are those of man(7), and nothing else is one', () => {
  const known = /^\.(TH|SH|SS|PP|TP|B|nf|fi|RS|RE|br|nh|ad)( |$)/
  for (const [name, text] of PAGES) {
    for (const line of text.split('\n')) {
      if (line.startsWith('.')) assert.match(line, known, name)
      assert.doesNotMatch(line, /^'|\\(?![-e&])/, name)
      assert.equal(line.trimEnd(), line, name)
    }
    assert.match(
      text,
      /^\.TH [A-Z\\.-]+ [15] "" "tapvs \d+\.\d+\.\d+" "tapvs"\n\.nh\n\.ad l\n\.SH NAME\n/,
    )
  }
  assert.equal(roffText(".a'-\\"), "\\&.a'\\-\\e")
  assert.equal(roffText("'tis"), "\\&'tis")
})
