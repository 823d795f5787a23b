/** Servers that others wrote, on a real server: PostgreSQL, nginx with HTTP/1.1 and 2, OpenSSH and dnsmasq. redis is the lab's own. */

import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun, onPath, run, until } from '../../../netns/processes.ts'
import type { Lab } from '../../../netns/two-arm.ts'
import { hostText } from '../../../src/wire/ip-address.ts'
import { dnsmasqArgv, nginxArgv, nginxConfig } from '../argv.ts'
import { NOBODY, postgresArgv, preparePostgres, untilPostgresAnswers } from '../postgres.ts'
import { stopped } from '../stopped.ts'

/** Ports of the VIP and of the real server alike. HTTP/2 without TLS has one of its own, for nginx speaks one of them on a port. */
export const PORTS = { redis: 6379, http1: 80, http2: 81, postgres: 5432, ssh: 22, dns: 53 }
export const DNS_NAME = 'name.soak.test'
export const DNS_ANSWER = '192.0.2.7'

/** Where they are, when they are not installed: as unpacked packages. */
export interface Programs {
  postgres: string
  ssh: string
}

export class Servers {
  readonly #lab: Lab
  readonly #address: string
  readonly #folder: string
  readonly #children: { child: ChildProcess; end: NodeJS.Signals }[] = []

  constructor(lab: Lab, address: string, folder: string) {
    this.#lab = lab
    this.#address = address
    this.#folder = folder
  }

  /** All of them listen. `files`: what the web server has. Throws Error with the name of one that does not. */
  async start(programs: Programs, files: string): Promise<void> {
    await Promise.all([
      this.#nginx(files),
      this.#dnsmasq(),
      this.#sshd(programs.ssh),
      this.#postgres(programs.postgres),
    ])
  }

  async stop(): Promise<void> {
    for (const { child, end } of this.#children) await stopped(child, end)
  }

  async #listens(
    name: string,
    argv: string[],
    port: number,
    end: NodeJS.Signals = 'SIGTERM',
  ): Promise<void> {
    const child = this.#lab.spawn('rs', argv, { stdio: ['ignore', 'ignore', 'inherit'] })
    this.#children.push({ child, end })
    await until(`${name} to listen`, { limitMs: 30_000, everyMs: 50 }, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended at once`)
      const { stdout } = await run(this.#lab.inside('rs', ['ss', '-Hltn', `sport = ${port}`]))
      return stdout !== '' || undefined
    })
  }

  #own(name: string): string {
    const folder = join(this.#folder, name)
    mkdirSync(folder, { recursive: true })
    return folder
  }

  async #nginx(files: string): Promise<void> {
    const folder = this.#own('nginx')
    const config = join(folder, 'nginx.conf')
    const server = (port: number, word: string) =>
      `server { listen ${hostText(this.#address)}:${port} backlog=4096${word}; root ${files}; }`
    const servers = [server(PORTS.http1, ''), server(PORTS.http2, ' http2')]
    writeFileSync(config, nginxConfig(folder, servers))
    await this.#listens('nginx', nginxArgv(folder, config), PORTS.http2)
  }

  #dnsmasq(): Promise<void> {
    const argv = dnsmasqArgv(this.#address, { [DNS_NAME]: DNS_ANSWER })
    return this.#listens('dnsmasq', argv, PORTS.dns)
  }

  /** It wants a user and a folder that its package would make: it sees them in mounts of its own. */
  async #sshd(unpacked: string): Promise<void> {
    const folder = this.#own('ssh')
    for (const key of ['host', 'client'])
      await mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)])
    const config = join(folder, 'sshd_config')
    writeFileSync(
      config,
      `ListenAddress ${hostText(this.#address)}:${PORTS.ssh}
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/client.pub
PidFile none
StrictModes no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
MaxStartups 100
`,
    )
    const program = onPath('sshd') ?? join(unpacked, 'usr/sbin/sshd')
    if (!existsSync(program)) throw new Error(`no sshd on PATH, and none at ${program}`)
    const passwd = join(folder, 'passwd')
    const script = `set -e
cp /etc/passwd ${passwd}
grep -q ^sshd: ${passwd} || echo 'sshd:x:${NOBODY}:${NOBODY}::/run/sshd:/usr/sbin/nologin' >>${passwd}
mount --bind ${passwd} /etc/passwd
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
exec ${program} -D -e -o LogLevel=ERROR -f ${config}`
    await this.#listens('sshd', ['unshare', '--mount', 'sh', '-c', script], PORTS.ssh)
  }

  async #postgres(unpacked: string): Promise<void> {
    const bin = postgresPrograms(unpacked)
    const folder = this.#own('postgres')
    await preparePostgres(bin, this.#folder, folder)
    const settings = { listen_addresses: this.#address, port: PORTS.postgres, fsync: 'off' }
    const argv = postgresArgv(bin, folder, { ...settings, log_min_messages: 'panic' })
    // Its fast way to end, which takes all of its processes along.
    await this.#listens('PostgreSQL', argv, PORTS.postgres, 'SIGINT')
    await untilPostgresAnswers(this.#lab, bin, this.#address, PORTS.postgres)
  }
}

/** The folder with initdb, postgres and pgbench. */
export function postgresPrograms(unpacked: string): string {
  const versions = join(unpacked, 'usr/lib/postgresql')
  const [version = ''] = existsSync(versions) ? readdirSync(versions) : []
  const bin = join(versions, version, 'bin')
  if (!existsSync(join(bin, 'pgbench'))) throw new Error(`no PostgreSQL below ${versions}`)
  return bin
}
