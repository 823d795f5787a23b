/** The package as npm makes and installs it, without a compiler: it answers, and it balances. */

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { mustRun, run } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { version } from '../../src/control/system/version.ts'
import { labForTests, mustClient, scratchFolder, VIP } from '../kit/lab.ts'
import { startOwnDaemon } from '../kit/own-daemon.ts'

const folder = scratchFolder()
const lab = labForTests('package')
const prefix = join(folder, 'prefix')
const installed = join(prefix, 'lib', 'node_modules', 'tapvs')
const tapvs = join(prefix, 'bin', 'tapvs')

let packed: string[] = []

before(async () => {
  const pack = ['npm', 'pack', CHECKOUT, '--pack-destination', folder, '--json']
  const [tarball] = JSON.parse(await mustRun(pack))
  packed = tarball.files.map(({ path }: { path: string }) => path)
  // As npm 12 does by default: nothing of the package runs at installation.
  const install = ['npm', 'install', '--global', '--ignore-scripts', '--prefer-offline']
  await mustRun([...install, '--prefix', prefix, join(folder, tarball.filename)])
})

test('it holds what runs, and nothing that is left over or only builds it', () => {
  for (const file of ['bin/tapvs', 'config/lab.yaml', 'systemd/tapvs.service', 'LICENSE'])
    assert.ok(packed.includes(file), file)
  const compiled = packed.filter(file => file.startsWith('dist/'))
  const page = compiled.filter(file => file.startsWith('dist/ui/'))
  assert.deepEqual(page.filter(file => !file.startsWith('dist/ui/assets/')).sort(), [
    'dist/ui/icon.svg',
    'dist/ui/index.html',
    'dist/ui/licenses.md',
  ])
  for (const file of page) assert.match(file, /\.(html|js|css|md|svg)$/)
  for (const file of compiled) {
    if (page.includes(file)) continue
    assert.match(
      file,
      /^dist\/bundle\/((kept|worker)\.cjs|made-of|commit|client\/(index\.js|types\/.*(\.d\.ts|LICENSE))|program\/(.*\.js|licenses\.md))$/,
    )
  }
  const strange = packed.filter(file => /^(test|netns|bench|node_modules|src\/.*\.ts)/.test(file))
  assert.deepEqual(strange, [])
})

test('its bill of materials has every package that page and program were bundled of, and every dependency', () => {
  const bill = JSON.parse(readFileSync(join(installed, 'sbom.cdx.json'), 'utf8'))
  const parts = new Set<string>()
  for (const { name, version } of bill.components) parts.add(`${name}@${version}`)
  for (const folder of ['ui', 'bundle/program']) {
    const licenses = readFileSync(join(installed, 'dist', folder, 'licenses.md'), 'utf8')
    const bundled = [...licenses.matchAll(/^## (\S+) - (\S+) \(/gm)]
    assert.ok(bundled.length > 3)
    for (const [, name = '', version = ''] of bundled)
      assert.ok(parts.has(`${name}@${version}`), `${name}@${version}`)
  }
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  for (const [name, version] of Object.entries(dependencies))
    assert.ok(parts.has(`${name}@${version}`), name)
})

test('it says its version and checks a config', async () => {
  assert.equal(await mustRun([tapvs, '--version']), `${version}\n`)
  const config = join(installed, 'config', 'lab.yaml')
  assert.equal(await mustRun([tapvs, 'config', 'check', config]), `${config}: ok\n`)
})

test('it balances, and serves its page', async t => {
  const daemon = await startOwnDaemon(t, lab, { tapvs, options: ['--ui=0'] })
  const answer = await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  assert.equal(answer, 'PONG\n')
  const url = (await mustRun([tapvs, '--socket', lab.paths.socket, 'ui'])).trim()
  assert.match(await (await fetch(url)).text(), /<script type="module"/)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('its install script finds that there is nothing to build', async () => {
  const env = ['env', 'CC=/nonexistent/cc', 'node', join(installed, 'scripts', 'build-native.mjs')]
  assert.equal(await mustRun(env), '')
})

test('without a binary for the machine and without a compiler it says what to do, in one line', async () => {
  const config = join(installed, 'config', 'lab.yaml')
  const script = join(installed, 'scripts', 'build-native.mjs')
  const binary = join(installed, 'prebuilds', `${process.platform}-${process.arch}`, 'arm.node')
  writeFileSync(binary, 'of another machine')
  const broken = await run([tapvs, 'run', '--config', config])
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /^tapvs: the TAP addon does not load \(.*\); run: node .*mjs\n$/)

  rmSync(binary)
  const none = await run([tapvs, 'run', '--config', config])
  const machine = `${process.platform} ${process.arch}`
  assert.deepEqual(none, {
    code: 1,
    stdout: '',
    stderr: `tapvs: the TAP addon is not built for ${machine}; run: node ${script}\n`,
  })
  assert.deepEqual(await run(['env', 'CC=/nonexistent/cc', 'node', script]), {
    code: 1,
    stdout: '',
    stderr:
      'build-native: no C compiler (/nonexistent/cc: ENOENT) and no binary for this machine; run: apt-get install gcc libc6-dev\n',
  })

  // And with one it is built from the sources in the package.
  await mustRun(['node', script])
  await mustRun([tapvs, 'config', 'check', config])
})
