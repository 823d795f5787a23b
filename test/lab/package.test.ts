/**
 * What users get, each installed, run between real kernels, and removed: the package as npm makes and installs it, without a compiler; Debian's; and
 * the tarball that has its own Node. Their one lab is between the same two namespaces.
 */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { mustRun, onPath, run } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { version } from '../../src/control/system/version.ts'
import { heldOpen } from '../kit/holder.ts'
import { labForTests, mustClient, scratchFolder, VIP } from '../kit/lab.ts'
import { type OwnDaemon, startOwnDaemon } from '../kit/own-daemon.ts'
import { type OwnRoot, ownRoot } from '../kit/own-root.ts'

const folder = scratchFolder()
const lab = labForTests('package')
const prefix = join(folder, 'prefix')
const installed = join(prefix, 'lib', 'node_modules', 'tapvs')
const tapvs = join(prefix, 'bin', 'tapvs')

let packed: string[] = []
let file = ''

before(async () => {
  const pack = ['npm', 'pack', CHECKOUT, '--pack-destination', folder, '--json']
  const [tarball] = JSON.parse(await mustRun(pack))
  file = join(folder, tarball.filename)
  packed = tarball.files.map(({ path }: { path: string }) => path)
  // As npm 12 does by default: nothing of the package runs at installation.
  const install = ['npm', 'install', '--global', '--ignore-scripts', '--prefer-offline']
  await mustRun([...install, '--prefix', prefix, file])
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
  for (const arch of ['x64', 'arm64'])
    assert.ok(packed.includes(`prebuilds/linux-${arch}/arm.node`), arch)
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

test('npm removes it', async () => {
  await mustRun(['npm', 'uninstall', '--global', '--prefix', prefix, 'tapvs'])
  assert.deepEqual(readdirSync(dirname(installed)), [])
  assert.deepEqual(readdirSync(dirname(tapvs)), [])
})

let deb = ''
let archive = ''

test('scripts/package makes the others of it', async () => {
  const maintainer = ['env', 'DEBEMAIL=nobody@tapvs.test', 'DEBFULLNAME=Nobody']
  const script = join(CHECKOUT, 'scripts/package')
  const options = ['--from', file, '--to', join(folder, 'packages')]
  const made = await mustRun([...maintainer, script, ...options, 'deb', 'tarball'])
  const paths = made.trim().split('\n')
  assert.equal(paths.length, 2)
  ;[deb = '', archive = ''] = paths
})

async function answers(daemon: OwnDaemon): Promise<void> {
  const answer = await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  assert.equal(answer, 'PONG\n')
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
}

/** The same package as the next version. => its path */
async function nextVersion(): Promise<string> {
  const tree = join(folder, 'deb')
  await mustRun(['dpkg-deb', '-R', deb, tree])
  const control = join(tree, 'DEBIAN/control')
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*/m, 'Version: 9.9.9'))
  const about = join(tree, 'usr/lib/tapvs/package.json')
  writeFileSync(about, readFileSync(about, 'utf8').replace(/"version": ".*"/, '"version": "9.9.9"'))
  const next = join(folder, 'next.deb')
  await mustRun(['dpkg-deb', '--root-owner-group', '-Znone', '-b', tree, next])
  return next
}

/** Node may be there without its package. */
const INSTALL = ['dpkg', '--ignore-depends=nodejs', '-i']

/** A daemon that runs goes on as the next version, and with its connections. */
async function upgradedWithDebian(t: TestContext, root: OwnRoot): Promise<void> {
  const daemon = await startOwnDaemon(t, lab, { before: root.words, tapvs: '/usr/bin/tapvs' })
  // Where the unit has it.
  await root.must('mkdir', '/run/tapvs')
  await root.must('ln', '-s', lab.paths.socket, '/run/tapvs/tapvs.sock')
  const held = await heldOpen(t, lab, 10)
  await root.must(...INSTALL, await nextVersion())
  const { version: runs } = await ask(lab.paths.socket, { verb: 'ping' })
  assert.match(runs, /^9\.9\.9\+/)
  const { answered, failures, sent, received } = await held.end()
  assert.deepEqual([answered, failures, received], [10, [], sent])
  await root.must('rm', '-r', '/run/tapvs')
  await answers(daemon)
}

/** With a systemd that only writes down what it is asked. */
async function removedWithDebian(root: OwnRoot): Promise<void> {
  const script = '#!/bin/sh\necho "$@" >>/run/systemd/asked\n'
  const fake = `mkdir -p /run/systemd/system && printf '${script}' >/usr/bin/deb-systemd-invoke`
  await root.must('sh', '-c', fake)
  await root.must('dpkg', '-r', 'tapvs')
  assert.equal(await root.must('cat', '/run/systemd/asked'), 'stop tapvs.service\n')
  const left = (await root.written('tapvs')).filter(path => !path.startsWith('/var/lib/'))
  assert.deepEqual(left, ['/etc/tapvs', '/etc/tapvs/tapvs.yaml'])
  await root.must('dpkg', '-P', 'tapvs')
  assert.deepEqual(await root.written('tapvs'), [])
}

test("Debian's package: lintian has nothing against it, it balances, is upgraded while it does, and removed", async t => {
  const lintian = ['lintian', '--allow-root', '--fail-on', 'error,warning,info', deb]
  assert.equal(await mustRun(lintian), '')
  const listed = await mustRun(['dpkg-deb', '-c', deb])
  for (const path of ['man1/tapvs.1.gz', 'man5/tapvs.yaml.5.gz', 'completions/tapvs', '_tapvs'])
    assert.match(listed, new RegExp(`/${path}$`, 'm'))
  assert.match(listed, /lib\/systemd\/system\/tapvs\.service$/m)
  assert.match(await mustRun(['dpkg-deb', '-f', deb, 'Depends']), /^nodejs \(>= 20\.19\), /)

  const root = await ownRoot(t, folder, ['/run/netns', dirname(lab.paths.socket)])
  await root.must(...INSTALL, deb)
  assert.equal(await root.must('/usr/bin/tapvs', '--version'), `${version}\n`)
  assert.match(await root.must('getent', 'passwd', 'tapvs'), /:\/usr\/sbin\/nologin$/m)
  const config = '/etc/tapvs/tapvs.yaml'
  assert.equal(await root.must('stat', '-c', '%a %U %G', config), '640 root tapvs\n')
  assert.equal(await root.must('tapvs', 'config', 'check', config), `${config}: ok\n`)
  await upgradedWithDebian(t, root)

  await removedWithDebian(root)
})

test('the tarball has a Node of its own, and runs where there is no other', async t => {
  await mustRun(['tar', '-C', folder, '-xzf', archive])
  const unpacked = join(folder, archive.slice(dirname(archive).length + 1, -'.tar.gz'.length))
  assert.ok(existsSync(join(unpacked, 'node/LICENSE')))
  // As of a folder on the PATH.
  const link = join(folder, 'linked')
  symlinkSync(join(unpacked, 'bin/tapvs'), link)
  const bare = join(folder, 'bare')
  await mustRun(['mkdir', bare])
  for (const name of ['sh', 'readlink', 'dirname'])
    symlinkSync(onPath(name) as string, join(bare, name))
  const env = { PATH: bare }
  const said = await mustRun(['env', '-i', `PATH=${bare}`, link, '--version'])
  assert.equal(said, `${version}\n`)
  await answers(await startOwnDaemon(t, lab, { env, tapvs: link }))
})
