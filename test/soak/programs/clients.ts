/** Clients that others wrote, of the servers of servers.ts: each goes on until its time is over, and throws at the first thing that is not as it has to be. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../../../netns/two-arm.ts'
import { hostText } from '../../../src/wire/ip-address.ts'
import { DNS_ANSWER, DNS_NAME, PORTS } from './servers.ts'

export interface Around {
  lab: Lab
  vip: string
  /** With the keys of ssh in `ssh`. */
  folder: string
  /** In `files`, and what scp carries. */
  file: { name: string; path: string; sha256: string; bytes: number }
  /** The folder with pgbench. */
  postgres: string
  /** As performance.now() has it. */
  end: number
}

/** => how much of what was done */
export type Client = (around: Around) => Promise<Record<string, number>>

/** A machine that does other things as well is slow, and that is no error. */
const LIMIT = { timeoutMs: 300_000 }
const FETCHES = 40

/** Its standard output, of a command whose exit code is 0. */
async function said({ lab }: Around, argv: string[], timeoutMs = LIMIT.timeoutMs): Promise<string> {
  const { code, stdout, stderr } = await lab.client(argv, { timeoutMs })
  assert.equal(code, 0, `${argv.join(' ')}: ${stderr}${stdout}`)
  return stdout
}

/** Again and again, at least once. => how often */
async function repeated({ end }: Around, once: () => Promise<void>): Promise<number> {
  let times = 0
  do {
    await once()
    times++
  } while (performance.now() < end)
  return times
}

const redis: Client = async around => {
  const requests = 10_000
  const how = ['-q', '-t', 'set,get,lpush,lrange_100', '-c', '20', '-n', `${requests}`]
  const times = await repeated(around, async () => {
    const argv = ['redis-benchmark', '-h', around.vip, '-p', `${PORTS.redis}`, ...how, '-d', '1000']
    assert.doesNotMatch(await said(around, argv), /error|reset|closed/i)
  })
  return { requests: times * 5 * requests }
}

/** Many at once, and one whose bytes are looked at. */
const http =
  (way: '--http1.1' | '--http2-prior-knowledge', port: number, many: Many): Client =>
  async around => {
    const url = `http://${hostText(around.vip)}:${port}/${around.file.name}`
    const one = `curl -sS -f ${way} ${url} | sha256sum`
    const times = await repeated(around, async () => {
      await many(around, url)
      const text = await said(around, ['bash', '-o', 'pipefail', '-c', one])
      assert.equal(text.split(' ')[0], around.file.sha256)
    })
    return { files: times * (FETCHES + 1) }
  }

type Many = (around: Around, url: string) => Promise<void>

/** A connection each for ten at once. */
const curled: Many = async (around, url) => {
  const line = '%{http_code} %{size_download}\\n'
  const argv = ['curl', '-sS', '-f', '--http1.1', '-Z', '--parallel-max', '10', '-o', '/dev/null']
  const text = await said(around, [...argv, '-w', line, `${url}?[1-${FETCHES}]`])
  const lines = text.trim().split('\n')
  assert.deepEqual(lines, Array(FETCHES).fill(`200 ${around.file.bytes}`))
}

/** Ten streams in each of four connections. curl 7.88 has a fault with streams, without a balancer too. */
const loaded: Many = async (around, url) => {
  const text = await said(around, ['h2load', '-n', `${FETCHES}`, '-c', '4', '-m', '10', url])
  assert.match(text, new RegExp(`${FETCHES} succeeded, 0 failed, 0 errored, 0 timeout`))
  assert.match(text, new RegExp(`status codes: ${FETCHES} 2xx`))
  const [, data = ''] = /traffic: .*, [\d.]+\w+ \((\d+)\) data/.exec(text) ?? []
  assert.equal(Number(data), FETCHES * around.file.bytes)
}

/** Transactions over connections that stay, and over one each. */
const postgres: Client = async around => {
  const program = join(around.postgres, 'pgbench')
  const host = ['-h', around.vip, '-p', `${PORTS.postgres}`, '-U', 'postgres']
  await said(around, [program, ...host, '-i', '-q', '-s', '1', 'postgres'])
  let transactions = 0
  const times = await repeated(around, async () => {
    for (const each of [[], ['-C']]) {
      const argv = [program, ...host, '-n', '-c', '8', '-j', '2', '-T', '3', ...each, 'postgres']
      const text = await said(around, argv)
      assert.match(text, /number of failed transactions: 0 /)
      transactions += Number(/transactions actually processed: (\d+)/.exec(text)?.[1])
    }
  })
  assert.ok(transactions > times)
  return { transactions }
}

/** A file there and back. */
const ssh: Client = async around => {
  const { folder, file } = around
  const options = [
    ...['BatchMode=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'],
    ...['LogLevel=ERROR', `IdentityFile=${folder}/ssh/client`, `Port=${PORTS.ssh}`],
  ].flatMap(option => ['-o', option])
  const there = join(folder, 'there')
  const back = join(folder, 'back')
  const times = await repeated(around, async () => {
    await said(around, ['scp', ...options, file.path, `root@${hostText(around.vip)}:${there}`])
    await said(around, ['scp', ...options, `root@${hostText(around.vip)}:${there}`, back])
    const sum = createHash('sha256').update(readFileSync(back)).digest('hex')
    assert.equal(sum, file.sha256)
    const text = await said(around, ['ssh', ...options, `root@${around.vip}`, 'sha256sum', there])
    assert.equal(text.split(' ')[0], file.sha256)
  })
  return { sessions: times * 3 }
}

const dns: Client = async around => {
  // One query at a time, and dig would ask again by itself: a datagram that is lost is to be seen.
  const options = ['+short', '+tries=1', '+time=5', '-p', `${PORTS.dns}`]
  const times = await repeated(around, async () => {
    for (const way of ['+notcp', '+tcp']) {
      const argv = ['dig', `@${around.vip}`, ...options, way, DNS_NAME]
      assert.equal((await said(around, argv)).trim(), DNS_ANSWER)
    }
  })
  return { names: times * 2 }
}

export const CLIENTS: Readonly<Record<string, Client>> = {
  redis,
  'HTTP/1.1': http('--http1.1', PORTS.http1, curled),
  'HTTP/2': http('--http2-prior-knowledge', PORTS.http2, loaded),
  PostgreSQL: postgres,
  ssh,
  DNS: dns,
}
