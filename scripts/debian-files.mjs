// Debian's changelog and copyright, out of our own and of the notices of what is bundled: scripts/debian-files.mjs TREE VERSION DATE MAINTAINER
// writes them into the folder it runs in. TREE is the package, with its node_modules.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [tree, version, date, maintainer] = process.argv.slice(2)
const WIDTH = 76

const read = path => readFileSync(join(tree, path), 'utf8')

/** Words in lines, the first one behind `first`, the others behind as many blanks. */
function wrapped(first, text) {
  const lines = ['']
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const line = `${lines.at(-1)} ${word}`.trim()
    if (line.length + first.length <= WIDTH) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines.map((line, i) => `${i === 0 ? first : ' '.repeat(first.length)}${line}`).join('\n')
}

/** The newest section of CHANGELOG.md, an entry for each of its points. */
function changelog() {
  const section = read('CHANGELOG.md').split(/^## .*$/m)[1] ?? ''
  const points = section
    .split(/^(?=- |### |\d{4}-\d\d-\d\d$)/m)
    .filter(part => part.startsWith('- '))
  const plain = text => text.slice(2).replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
  const entries = points.map(point => wrapped('  * ', plain(point)))
  const head = `tapvs (${version}) unstable; urgency=medium`
  return `${head}\n\n${entries.join('\n')}\n\n -- ${maintainer}  ${date}\n`
}

/** => name, license and notice of each package that is bundled or beside */
function packages() {
  const bundled = ['dist/ui/licenses.md', 'dist/bundle/program/licenses.md'].flatMap(path =>
    read(path)
      .split(/^## /m)
      .slice(1)
      .map(part => {
        const [, name, license, text] = /^(\S+) - \S+ \((.*)\)\n([\s\S]*)$/.exec(part)
        return { name, license, text }
      }),
  )
  const folders = readdirSync(join(tree, 'node_modules')).flatMap(name =>
    name.startsWith('@')
      ? readdirSync(join(tree, 'node_modules', name)).map(one => `${name}/${one}`)
      : [name],
  )
  const beside = folders.map(name => {
    const files = readdirSync(join(tree, 'node_modules', name))
    const file = files.find(one => /^licen[cs]e/i.test(one))
    const { license } = JSON.parse(read(`node_modules/${name}/package.json`))
    return { name, license, text: file ? read(`node_modules/${name}/${file}`) : '' }
  })
  return [...bundled, ...beside]
}

const indented = text =>
  text
    .trim()
    .split('\n')
    .map(line => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n')

/** Of one package; its place is that which it has where tapvs is built. */
function paragraph({ name, license, text }) {
  const holders = text
    .split('\n')
    .map(line => line.trim())
    .filter(line => /^(Copyright|\(c\)|©)/i.test(line) && !/^copyright notice/i.test(line))
    .map(line => line.replace(/^Copyright:?\s*/i, ''))
  const by = holders.length > 0 ? holders.join('\n ') : `the authors of ${name}`
  // Debian has its text, and wants it there only.
  const its = license === 'Apache-2.0' ? `It is /usr/share/common-licenses/${license}.` : text
  const terms = its.trim() === '' ? '' : `\n${indented(its)}`
  return `Files: node_modules/${name}/*\nCopyright: ${by}\nLicense: ${license}${terms}\n`
}

function copyright() {
  const own = paragraph({ name: 'tapvs', license: 'MIT', text: read('LICENSE') })
  const seen = new Map(packages().map(one => [one.name, one]))
  return [
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: tapvs\n',
    own.replace('node_modules/tapvs/*', '*'),
    ...[...seen.values()].map(paragraph),
  ].join('\n')
}

writeFileSync('changelog', changelog())
writeFileSync('copyright', copyright())
