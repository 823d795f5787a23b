/** Clients that stay, what the RS sees of them, and what whois says of that. */

import assert from 'node:assert/strict'
import { until } from '../../netns/processes.ts'
import type { Lab } from '../../netns/two-arm.ts'
import type { WhoisConn, WhoisInfo } from '../../src/api/commands.ts'
import { Steering } from '../../src/engine/steering.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { labConfig, RIP, VIP } from './lab.ts'
import { printedJson } from './printed-json.ts'

/** The second client of a lab. */
export const OTHER = '202.108.10.12'

const WORKERS = 2

/** Two workers, and a history in `file`. => the path of the config */
export function whoisConfig(folder: string, name: string, file: string): string {
  return labConfig(folder, name, yaml => {
    yaml.setIn(['history', 'file'], file)
    yaml.setIn(['workers', 'count'], WORKERS)
    yaml.setIn(['tcp', 'timeouts'], { time_wait: 1, close: 1, syn_recv: 1, fin_wait: 1 })
  })
}

/** Connects from that address and port, says a name to redis, and stays until it is killed. */
export async function hold(
  lab: Lab,
  address: string,
  port: number,
): Promise<{ end(): Promise<void> }> {
  const name = `c${port}`
  const target = `TCP:${VIP}:6379,bind=${address}:${port},reuseaddr`
  const process = lab.spawn('client', ['socat', '-', target], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const gone = new Promise<void>(done => process.once('exit', () => done()))
  process.stdin?.write(`CLIENT SETNAME ${name}\r\n`)
  await until('redis', { limitMs: 5000 }, async () => (await seenByRs(lab)).has(name) || undefined)
  return {
    end: async () => {
      process.stdin?.end()
      await gone
    },
  }
}

/** LIP:lport by the name that the client gave itself, as redis lists them. */
export async function seenByRs(lab: Lab): Promise<Map<string, string>> {
  const { stdout } = await lab.rs(['redis-cli', '-h', RIP, 'client', 'list'], { timeoutMs: 5000 })
  return new Map(
    [...stdout.matchAll(/\baddr=(\S+) .*?\bname=(\S+)/g)].map(([, address, name]) => [
      name as string,
      address as string,
    ]),
  )
}

export async function whois(lab: Lab, question: string, ...options: string[]): Promise<WhoisInfo> {
  const { code, stdout, stderr } = await lab.tapvs(['whois', question, '--json', ...options], {
    timeoutMs: 10_000,
  })
  assert.equal(stderr, '')
  const info = printedJson<WhoisInfo>(stdout)
  assert.equal(code, info.conns.length > 0 ? 0 : 1)
  return info
}

export const only = ({ conns }: WhoisInfo): WhoisConn => {
  assert.equal(conns.length, 1, JSON.stringify(conns))
  return conns[0] as WhoisConn
}

/** A client's port, from `from` on, whose connections that worker owns. */
export function portOf(address: string, worker: number, from: number): number {
  const steering = new Steering(WORKERS)
  for (let port = from; ; port++)
    if (steering.clientWorker(ipv4Int(address), port) === worker) return port
}

export const iso = (ms: number) => new Date(ms).toISOString()
