/** A lab for a test file: a name of its own, gone afterwards whatever happened. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { type Document, parseDocument } from 'yaml'
import { type Capture, readCapture, startCapture } from '../../netns/capture.ts'
import { until } from '../../netns/processes.ts'
import { type Arms, CHECKOUT, type Side, type Wanted } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import type { CountersInfo } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { insideBundle } from './inside.ts'

export const VIP = '202.108.10.1'
export const CIP = '202.108.10.2'
export const LIP = '192.168.168.7'
export const RIP = '192.168.168.2'
/** The same of `lab up --ipv6`. */
export const VIP6 = '2001:db8:10::1'
export const CIP6 = '2001:db8:10::2'
export const RIP6 = '2001:db8:168::2'

/** Raises a lab before the tests of the file and takes it down after them; `arms` is for tests of one kind of them. */
export function labForTests(suffix: string, wanted: Wanted = {}, arms?: Arms): Lab {
  const lab = new Lab(labName(suffix), arms)
  before(async () => {
    assert.equal(process.getuid?.(), 0, 'lab tests need root: run sudo ./scripts/test')
    await lab.up(wanted)
  })
  after(() => lab.down())
  return lab
}

export function labName(suffix: string): string {
  return `tapvs-t${process.pid}-${suffix}`
}

/** A folder for a test file's captures and configs, gone afterwards. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The lab's config, changed by `edit`, as a file in `folder`. => its path */
export function labConfig(folder: string, name: string, edit: (config: Document) => void): string {
  const config = parseDocument(readFileSync(join(CHECKOUT, 'config', 'lab.yaml'), 'utf8'))
  edit(config)
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, config.toString())
  return file
}

/** Output of a command inside, which must succeed. */
export async function mustClient(lab: Lab, argv: string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await lab.client(argv, { timeoutMs: 60_000, input })
  assert.equal(code, 0, `${argv.join(' ')}: exit code ${code}, ${stderr}`)
  return stdout
}

/** What the command line prints, which must succeed; in this process (inside.ts). `lab.tapvs` is the program. */
export async function mustTapvs(lab: Lab, ...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await insideBundle(['--socket', lab.paths.socket, ...argv])
  assert.equal(code, 0, `tapvs ${argv.join(' ')}: exit code ${code}, ${stderr}`)
  return stdout
}

export function countersOf(lab: Lab): Promise<CountersInfo> {
  return ask(lab.paths.socket, { verb: 'counters' })
}

/** Waits until no connection is left. */
export async function untilNoConns(lab: Lab, limitMs = 15_000): Promise<void> {
  await until('the connections to expire', { limitMs, everyMs: 250 }, async () => {
    const { conns } = await ask(lab.paths.socket, { verb: 'conns', from: 0, limit: 1 })
    return conns.length === 0 || undefined
  })
}

/** tcpdump's lines (`-nnS`, TCP only, without time) of each arm. */
export type Lines = Record<Side, string[]>

/**
 * Both arms captured while `work` runs, and until both captures have stopped growing at the same number of segments:
 * the last ACK of a close comes after the program that closed has gone.
 */
export async function captured(
  lab: Lab,
  folder: string,
  work: () => Promise<void>,
  options: readonly string[] = [],
): Promise<Lines> {
  const captures: Capture[] = []
  try {
    for (const side of ['client', 'rs'] as const) {
      captures.push(
        await startCapture(lab, side, join(folder, `${side}-${Date.now()}.pcap`), options),
      )
    }
    await work()
    return await settled(captures.map(({ file }) => file))
  } finally {
    await Promise.all(captures.map(capture => capture.stop()))
  }
}

async function settled(files: string[]): Promise<Lines> {
  let seen = ''
  return until('both captures to end alike', { limitMs: 5000, everyMs: 200 }, async () => {
    const [client = [], rs = []] = await Promise.all(files.map(tcpLines))
    const before = seen
    seen = `${client.length} ${rs.length}`
    return client.length === rs.length && seen === before ? { client, rs } : undefined
  })
}

async function tcpLines(file: string): Promise<string[]> {
  const text = await readCapture(file, ['-nn', '-S'])
  const segment = /^\S+ IP6? (.*: Flags .*)$/
  return text.split('\n').flatMap(line => segment.exec(line)?.[1] ?? [])
}

/** The token of the page's address, as `tapvs ui` prints it. */
export function tokenOf(url: URL): string {
  return decodeURIComponent(url.hash.replace('#token=', ''))
}

/** Of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
