/**
 * docs/deploying.md is true: every command of it that is for the box or for a client runs, in its order, in namespaces that stand for
 * a box with two NICs, the router before it, a client behind that, and two real servers. The box is a strict host: its firewall lets in
 * nothing but ssh.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { deleteNetns, inside, makeNetns } from '../../netns/namespaces.ts'
import { mustRun, run, until } from '../../netns/processes.ts'
import { CHECKOUT, type Netns, TAPVS } from '../../netns/topology.ts'
import { labName, scratchFolder } from '../kit/lab.ts'

const folder = scratchFolder()
const config = join(folder, 'tapvs.yaml')
const socket = join(folder, 'tapvs.sock')

const NAMES = ['client', 'router', 'box', 'servers'] as const
type Place = (typeof NAMES)[number]
const places = {} as Record<Place, Netns>
for (const name of NAMES) {
  const netns = `${labName('deploy')}-${name}`
  places[name] = { netns, netnsPath: join('/run/netns', netns) }
}

/** Cables and addresses, as `ip -batch` reads them. */
const NETWORK: Record<Place, string> = {
  client: `link add eth0 type veth peer name lan netns ${places.router.netns}
    addr add 198.51.100.5/24 dev eth0
    link set eth0 up
    route add default via 198.51.100.1`,
  router: `link add wan type veth peer name eth0 netns ${places.box.netns}
    addr add 198.51.100.1/24 dev lan
    addr add 203.0.113.1/24 dev wan
    link set lan up
    link set wan up`,
  box: `link add eth1 type veth peer name eth0 netns ${places.servers.netns}
    addr add 203.0.113.10/24 dev eth0
    addr add 10.0.0.10/24 dev eth1
    link set eth0 up
    link set eth1 up
    route add default via 203.0.113.1`,
  servers: `addr add 10.0.0.21/24 dev eth0
    addr add 10.0.0.22/24 dev eth0
    link set eth0 up`,
}

const FIREWALL = `table ip filter {
  chain input {
    type filter hook input priority filter; policy drop
    tcp dport 22 accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
}
`

/** Says on which address it was asked, and by whom. */
const SERVER = `require('node:http').createServer(({ socket }, answer) => {
  answer.end(\`\${socket.localAddress} was asked by \${socket.remoteAddress}\\n\`)
}).listen(80, '0.0.0.0')`
const SSH = ['socat', 'TCP-LISTEN:22,reuseaddr,fork', 'SYSTEM:echo SSH-2.0-stand-in']

const children: ChildProcess[] = []
let daemon: ChildProcess | undefined

function start(place: Place, argv: string[]): ChildProcess {
  const [command = '', ...args] = [...inside(places[place]), ...argv]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  return child
}

async function serves(place: Place, port: number): Promise<void> {
  await until(`port ${port} of ${place}`, { limitMs: 20_000 }, async () => {
    const { stdout } = await run([...inside(places[place]), 'ss', '-Hltn', `sport = :${port}`])
    return stdout !== '' || undefined
  })
}

before(async () => {
  for (const name of NAMES) await makeNetns(places[name])
  for (const name of NAMES) {
    await mustRun(['ip', '-n', places[name].netns, '-batch', '-'], { input: NETWORK[name] })
    await mustRun(['ip', '-n', places[name].netns, 'link', 'set', 'lo', 'up'])
  }
  const sysctl = (place: Place, ...words: string[]) =>
    mustRun([...inside(places[place]), 'sysctl', '-qw', ...words])
  await sysctl('router', 'net.ipv4.ip_forward=1')
  await sysctl('box', 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.default.rp_filter=1')
  await mustRun([...inside(places.box), 'nft', '-f', '-'], { input: FIREWALL })
  start('servers', [process.execPath, '-e', SERVER])
  start('box', SSH)
  await serves('servers', 80)
  await serves('box', 22)
})

after(async () => {
  for (const child of [daemon, ...children]) child?.kill('SIGKILL')
  for (const name of NAMES) await deleteNetns(places[name])
})

const text = readFileSync(join(CHECKOUT, 'docs/deploying.md'), 'utf8')
const [, yaml = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(text) ?? []
const commands = [...text.matchAll(/^```sh (box|client)\n([\s\S]*?)^```$/gm)].flatMap(
  ([, place, block = '']) =>
    block
      .split('\n')
      .filter(line => line !== '')
      .map(line => ({ place: place as Place, line })),
)

/** What systemd does, as far as the page asks for it. */
const SYSTEMCTL: Record<string, () => Promise<void> | void> = {
  'daemon-reload': () => {},
  'enable --now': startDaemon,
  restart: async () => {
    await stopDaemon()
    await startDaemon()
  },
  reload: async () => {
    daemon?.kill('SIGHUP')
    const shown = async () => / FullNat 0 /.test(await inBox('tapvs ipvsadm -ln')) || undefined
    await until('the reload', { limitMs: 10_000 }, shown)
  },
  'disable --now': stopDaemon,
}

async function startDaemon(): Promise<void> {
  daemon = start('box', [TAPVS, 'run', '--config', config])
  let said = ''
  daemon.stderr?.setEncoding('utf8').on('data', words => {
    said += words
  })
  await until('the daemon', { limitMs: 20_000 }, () => {
    assert.equal(daemon?.exitCode, null, said)
    return /TAPVS: ready/.test(said) || undefined
  })
}

async function stopDaemon(): Promise<void> {
  const ended = new Promise(done => daemon?.once('close', done))
  daemon?.kill('SIGTERM')
  assert.equal(await ended, 0)
}

/** Of the test's own folder and daemon. */
function here(line: string): string {
  return line
    .replaceAll('sudo ', '')
    .replaceAll('/etc/tapvs/', `${folder}/`)
    .replaceAll('/etc/systemd/system/', `${folder}/`)
    .replaceAll('"$(npm root -g)/tapvs', `"${CHECKOUT}`)
    .replaceAll(/(^|\| )tapvs /g, `$1${TAPVS} --socket ${socket} `)
}

const inBox = (line: string) => mustRun([...inside(places.box), 'bash', '-c', here(line)])

async function done({ place, line }: (typeof commands)[number]): Promise<string> {
  const [, verb = ''] = /systemctl ([a-z-]+(?: --now)?)/.exec(line) ?? []
  const asked = SYSTEMCTL[verb]
  if (asked) {
    await asked()
    return ''
  }
  const argv = [...inside(places[place]), 'bash', '-c', here(line)]
  const { code, stdout, stderr } = await run(argv, { timeoutMs: 30_000 })
  assert.equal(code, 0, `${line}: exit code ${code}\n${stdout}${stderr}`)
  return stdout + stderr
}

/** What a command must have printed, beyond ending well; by the words that are only in it. */
const SHOWN: [string, RegExp][] = [
  ['lro', /large-receive-offload: off/],
  ['config check', /ok/],
  ['ping', /1 received/],
  ['curl', /^10\.0\.0\.2[12] was asked by 10\.0\.0\.10[01]\n$/],
  ['banner', /^SSH-2\.0-stand-in\n$/],
  ['ipvsadm -ln  ', /-> 10\.0\.0\.21:80 +FullNat 100 [\s\S]*-> 10\.0\.0\.22:80 +FullNat 100 /],
  ['-ln -c', /TIME_WAIT +198\.51\.100\.5:\d+ 203\.0\.113\.20:80 +10\.0\.0\.100:\d+ /],
  ['dpip link', /eth0: [\s\S]*UP nic admin up link up[\s\S]*eth1: /],
  ['dpip neigh', /10\.0\.0\.21 .*REACHABLE/],
  ['ip -br addr', /eth0@\S+ +UP +203\.0\.113\.10\/24 .*\neth1@/],
  ['sysctl', /ip_forward = 0\n.*rp_filter = 1\n/],
  ['nft list', /policy drop/],
  ['--dry-run', /10\.0\.0\.22:80/],
]

test('the config of the page', () => {
  writeFileSync(config, `${yaml}control: { socket: ${socket} }\n`)
  assert.ok(commands.length > 20)
})

/** Who answered, in turn. */
const answered: string[] = []

const end = commands.findIndex(({ line }) => line.includes('disable --now'))

function follow(command: (typeof commands)[number]): void {
  test(`${command.place}: ${command.line.replace(/ +#.*/, '')}`, async () => {
    const output = await done(command)
    for (const [words, shown] of SHOWN)
      if (command.line.includes(words)) assert.match(output, shown)
    if (command.line.includes('curl')) answered.push(output.split(' ')[0] ?? '')
    if (command.line.includes('ip -br addr')) assert.doesNotMatch(output, /\.20\/|\.10[01]\//)
  })
}

for (const command of commands.slice(0, end)) follow(command)

test('the host itself does not reach the VIP, as the page says', async () => {
  const argv = [...inside(places.box), 'curl', '-s', '--max-time', '2', 'http://203.0.113.20/']
  assert.notEqual((await run(argv)).code, 0)
  const [client] = commands.filter(({ line }) => line.includes('curl'))
  assert.ok(client)
  assert.match(await done(client), / was asked by /)
})

for (const command of commands.slice(end)) follow(command)

test('both real servers were asked, and only one when the other had no weight', () => {
  const [first, second, third] = answered
  assert.deepEqual([first, second].sort(), ['10.0.0.21', '10.0.0.22'])
  assert.equal(third, '10.0.0.21')
})

test('nothing is left, and the host is as it was', async () => {
  assert.ok(existsSync(join(folder, 'tapvs.service')))
  const { stdout } = await run([...inside(places.box), 'ip', '-br', 'link'])
  assert.doesNotMatch(stdout, /tapvs/)
  // Nobody answers for the VIP now.
  const argv = [...inside(places.client), 'ping', '-c1', '-W1', '203.0.113.20']
  assert.notEqual((await run(argv)).code, 0)
  const [ssh] = commands.filter(({ line }) => line.includes('banner'))
  assert.ok(ssh)
  assert.match(await done(ssh), /SSH/)
})
