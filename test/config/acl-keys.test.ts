/** Deny and allow lists and rates of a config: what they come to, files of them, and every mistake with its place. */

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { EditOf } from '../../src/api/edits.ts'
import { compare } from '../../src/config/changes.ts'
import { type Config, ConfigError, configOf, parseConfig } from '../../src/config/config.ts'
import { edited } from '../../src/config/edited.ts'
import { fileLists, packList, prefixesOf, unpackList } from '../../src/config/prefix-lists.ts'
import { SEED_CONFIG } from '../kit/stand.ts'

const folder = mkdtempSync(join(tmpdir(), 'tapvs-lists-'))
after(() => rmSync(folder, { recursive: true }))

const SERVICE = { protocol: 'tcp', address: '202.108.10.1', port: 6379 } as const
const parse = (keys: string) => parseConfig(`${SEED_CONFIG}    ${keys}\n`, 'x.yaml')

function fileOf(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text, { mode: 0o644 })
  return path
}

function problems(keys: string): string[] {
  try {
    parse(keys)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(problem => problem.replace(/^x\.yaml:\d+:\d+ services\[0\]\./, ''))
  }
  assert.fail('no mistake')
}

const prefixes = ({ lists }: Config, name: string) => [...unpackList(lists[name] ?? '')]

test('lists of a service and of files, each under its name', () => {
  const path = fileOf('good', '# everybody\n10.0.0.0/8\n\n 192.0.2.1 ; one\r\n10.0.0.0/8\n')
  const config = parse(`deny: [203.0.113.0/24]\n    deny_file: ${path}\n    allow: [10.0.0.1]`)
  const [service] = config.services
  const own = 'deny of TCP 202.108.10.1:6379'
  assert.deepEqual(service?.acl, {
    deny: [own, path],
    allow: ['allow of TCP 202.108.10.1:6379'],
    established: 'drop',
  })
  assert.deepEqual(prefixes(config, own), [...prefixesOf(['203.0.113.0/24'])])
  assert.deepEqual(prefixes(config, path), [...prefixesOf(['10.0.0.0/8', '192.0.2.1/32'])])
  assert.deepEqual(Object.keys(fileLists(config.lists)), [path])
})

test('an allow file without a prefix lets nobody in, and that is warned of', () => {
  const path = fileOf('empty', '# nobody\n')
  const { services, warnings } = parse(`allow_file: ${path}`)
  assert.deepEqual(services[0]?.acl.allow, [path])
  assert.match(warnings.join(), /holds no prefix: nobody is let in/)
  assert.deepEqual(parse(`deny_file: ${path}`).warnings, [])
  // So do empty sets, alone or with it, and those of the other family.
  const sets = (allow: string, prefixes: string) =>
    parse(`allow: [${allow}]\nipsets: [{ name: a }, { name: b, prefixes: [${prefixes}] }]`).warnings
  assert.match(sets("'ipset:a'", '').join(), /ipset:a holds no prefix: nobody is let in/)
  assert.match(sets("'ipset:a', 'ipset:b'", '').join(), /ipset:a and ipset:b hold no prefix: nob/)
  assert.match(sets("'ipset:b'", "'2001:db8::/32'").join(), /ipset:b holds no prefix of IPv4: nob/)
  assert.deepEqual(sets("'ipset:a', 'ipset:b'", '10.0.0.0/8'), [])
  assert.deepEqual(sets("'ipset:a', 192.0.2.1", ''), [])
})

test('every mistake has its line, in the config and in the file', () => {
  const path = fileOf(
    'bad',
    '10.0.0.0/8\nnonsense\n10.0.0.1/8 # bits\n\n1.2.3.4/33\n2001:db8::1/32\n2001:db8::/32\n',
  )
  assert.deepEqual(
    problems(`deny: [10.0.0.1/8, x, 10.0.0.1, 10.0.0.1/32]\n    allow_file: ${path}`),
    [
      'deny[0]: expected a network, like 10.0.0.0/8, found "10.0.0.1/8"',
      'deny[1]: expected an address or network, like 192.0.2.0/24 or 2001:db8::/32, found "x"',
      'deny[3]: expected each once, found 10.0.0.1 again',
      `allow_file: ${path}:2: expected an address or network, like 192.0.2.0/24 or 2001:db8::/32, found "nonsense"`,
      `allow_file: ${path}:3: expected a network, like 10.0.0.0/8, found "10.0.0.1/8"`,
      `allow_file: ${path}:5: expected an address or network, like 192.0.2.0/24 or 2001:db8::/32, found "1.2.3.4/33"`,
      `allow_file: ${path}:6: expected a network, like 2001:db8::/32, found "2001:db8::1/32"`,
    ],
  )
  const many = fileOf('many', 'x\n'.repeat(200))
  const found = problems(`deny_file: ${many}`)
  assert.equal(found.length, 51)
  assert.equal(found.at(-1), `deny_file: ${many}: and 150 more mistakes`)
  assert.deepEqual(
    problems('connection_burst: 3\n    client_rate: 0'),
    [
      'client_rate: expected a whole number 1-1000000, found 0',
      'connection_burst: expected connection_rate with it, found none',
    ].sort((a, b) => (a < b ? 1 : -1)),
  )
})

test('a file that cannot be believed is not', () => {
  const one = (path: string) => problems(`deny_file: ${path}`).join('\n')
  assert.equal(one(join(folder, 'none')), `deny_file: ${folder}/none: no such file`)
  mkdirSync(join(folder, 'sub'))
  assert.equal(one(join(folder, 'sub')), `deny_file: ${folder}/sub: expected a file`)
  const open = fileOf('open', '10.0.0.1\n')
  chmodSync(open, 0o666)
  assert.match(one(open), /open: others may write it: chmod go-w/)
  symlinkSync(open, join(folder, 'link'))
  assert.match(one(join(folder, 'link')), /link: others may write it/)
  const large = fileOf('large', ' '.repeat(16 * 1024 * 1024 + 1))
  assert.match(one(large), /large: expected at most 16777216 bytes, found 16777217/)
  const long = fileOf(
    'long',
    Array.from({ length: 524_289 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}\n`).join(
      '',
    ),
  )
  assert.match(one(long), /long: expected at most 524288 prefixes, found 524289/)
  assert.match(problems('deny_file: deny.txt').join(), /expected an absolute path/)
})

test('edits and a config that was kept go on with what was read of a file', () => {
  const path = fileOf('changes', '10.0.0.1\n')
  const config = parse(`deny_file: ${path}`)
  writeFileSync(path, 'nonsense\n')
  const again = configOf(config.file, fileLists(config.lists))
  assert.deepEqual(again, { ...config, warnings: again.warnings })
  const more = edited(config.file, [
    { edit: 'add-acl', service: SERVICE, list: 'deny', prefixes: ['10.0.0.2/32'] },
  ])
  const after = configOf(more, config.lists)
  assert.deepEqual(prefixes(after, path), [...prefixesOf(['10.0.0.1'])])
  assert.throws(() => configOf(more), ConfigError)
})

test('what has changed is told, and is what the workers hear', () => {
  const path = fileOf('steps', '10.0.0.1\n')
  const before = parse(`deny_file: ${path}\n    connection_rate: 5`)
  writeFileSync(path, '10.0.0.1\n10.0.0.2\n')
  const after = parse(`deny_file: ${path}\n    connection_rate: 5\n    connection_burst: 9`)
  const { steps } = compare(before, after)
  assert.equal(steps.length, 2)
  assert.match(steps[0] ?? '', /^~ list \S+\/steps 1 prefix \(\w{12}\) => 2 prefixes \(\w{12}\)$/)
  assert.match(steps[1] ?? '', /connection_rate 5 .* => .*connection_rate 5 burst 9/)
  const off = compare(after, parse('scheduler_: 1'.slice(0, 0)))
  assert.deepEqual(
    off.steps.map(step => step.replace(folder, '').replace(/(service \S+ \S+).*/, '$1')),
    ['~ service TCP 202.108.10.1:6379', '- ACL of TCP 202.108.10.1:6379', '- list /steps'],
  )
})

test('edits: what is there and what is not, however it is written', () => {
  const { file } = parse('deny: [10.0.0.1/32]')
  const edit = (edit: 'add-acl' | 'delete-acl' | 'set-acl', ...prefixes: string[]) =>
    edited(file, [{ edit, service: SERVICE, list: 'deny', prefixes }]).services[0]?.deny
  assert.deepEqual(edit('add-acl', '10.0.0.2'), ['10.0.0.1/32', '10.0.0.2'])
  assert.throws(() => edit('add-acl', '10.0.0.1'), /deny 10\.0\.0\.1 .*TCP 202\.108\.10\.1:6379/)
  assert.deepEqual(edit('delete-acl', '10.0.0.1'), [])
  assert.throws(() => edit('delete-acl', '10.0.0.3'), /no deny 10\.0\.0\.3 in TCP/)
  assert.deepEqual(edit('set-acl', '10.0.0.3', '10.0.0.3/32'), ['10.0.0.3'])
})

test('edits: prefixes that come one by one take no longer for those that are there', () => {
  const { file } = parse('deny: [10.0.0.1/32]')
  const one = (prefix: string, list: 'deny' | 'allow' = 'deny'): EditOf<'add-acl'> => ({
    edit: 'add-acl',
    service: SERVICE,
    list,
    prefixes: [prefix],
  })
  const many = Array.from({ length: 20_000 }, (_, i) => one(`11.0.${i >> 8}.${i & 255}`))
  const start = performance.now()
  const [service] = edited(file, [...many, one('9.9.9.9', 'allow'), one('9.9.9.9')]).services
  // Some 100 ms; each compared with all others takes minutes.
  assert.ok(performance.now() - start < 30_000)
  assert.equal(service?.deny.length, 20_002)
  assert.equal(service?.deny[20_000], '11.0.78.31')
  assert.deepEqual(service?.allow, ['9.9.9.9'])
  assert.deepEqual(many[0]?.prefixes, ['11.0.0.0'])
  assert.throws(() => edited(file, [...many, one('11.0.0.7/32')]), /deny 11\.0\.0\.7 .*exists/)
})

test('packing keeps all of it, and reads anything', () => {
  const list = prefixesOf(['10.0.0.0/8', '255.255.255.255', '0.0.0.0/0'])
  assert.deepEqual(unpackList(packList(list)), list)
  assert.deepEqual(unpackList('AAAA'), new Int32Array())
})

test('sets: each is a list by its name, and every mistake is told', () => {
  const sets = (text: string, deny = "'ipset:a'") => `deny: [${deny}]\nipsets: ${text}`
  const config = parse(
    sets('[{ name: a, prefixes: [10.0.0.0/8] }, { name: b }]', "'ipset:a', 10.1.0.0/16"),
  )
  assert.deepEqual(config.services[0]?.acl.deny, ['deny of TCP 202.108.10.1:6379', 'ipset:a'])
  assert.deepEqual(prefixes(config, 'ipset:a'), [...prefixesOf(['10.0.0.0/8'])])
  assert.deepEqual(prefixes(config, 'ipset:b'), [])
  const found = problems(
    sets(
      '[{ name: a, prefixes: [10.0.0.1/8, 10.0.0.1, 10.0.0.1/32] }, { name: a }, { name: a b }]',
      "'ipset:a', 'ipset:a', 'ipset:c'",
    ),
  )
  assert.deepEqual(found.map(problem => problem.replace(/^x\.yaml:\d+:\d+ /, '')).sort(), [
    'deny[1]: expected each once, found ipset:a again',
    'deny[2]: expected one of ipsets, found "ipset:c"',
    'ipsets[0].prefixes[0]: expected a network, like 10.0.0.0/8, found "10.0.0.1/8"',
    'ipsets[0].prefixes[2]: expected each once, found 10.0.0.1 again',
    'ipsets[1].name: expected each once, found a again',
    'ipsets[2].name: expected a name of 1-31 letters, digits, dots, dashes and underscores, found "a b"',
  ])
})
