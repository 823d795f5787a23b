/** What the load tools and the kernel print, as they printed it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineSeconds, processSeconds } from '../../bench/lab/cpu.ts'
import { firstVersion } from '../../bench/lab/machine.ts'
import { figures, iperfSum, redisRate } from '../../bench/lab/parse.ts'
import { LabError } from '../../netns/lab-error.ts'

const failsSaying = (words: RegExp) => (error: unknown) =>
  error instanceof LabError && words.test(error.message) && !error.message.includes('\n')

test('redis-benchmark --csv', () => {
  const csv = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"GET","102040.82","0.333","0.048","0.223","0.927","3.447","3.783"
`
  assert.equal(redisRate(csv), 102040.82)
  assert.throws(
    () => redisRate('Error: Server closed the connection\n'),
    failsSaying(/^redis-benchmark said "Error: Server closed/),
  )
  assert.throws(() => redisRate(''), failsSaying(/nothing/))
})

test('iperf3 --json', () => {
  const json = `{
	"start":	{ "version": "iperf 3.12" },
	"end":	{
		"sum_sent": { "start": 0, "end": 0.000156, "seconds": 0.000156, "bytes": 1048576,
		  "bits_per_second": 53773128205.1282, "retransmits": 0, "sender": true },
		"sum_received": { "start": 0, "end": 0.000533, "seconds": 0.000533, "bytes": 1048570,
		  "bits_per_second": 15738476547.8424, "sender": true }
	}
}`
  assert.deepEqual(iperfSum(json), { bytes: 1048570, seconds: 0.000533 })
  const refused = `{
	"start":	{ "connected": [], "version": "iperf 3.12" },
	"intervals":	[],
	"end":	{
	},
	"error":	"unable to connect to server: Connection refused"
}`
  assert.throws(() => iperfSum(refused), failsSaying(/^iperf3: unable to connect to server/))
  assert.throws(() => iperfSum('{"end":{}}'), failsSaying(/iperf3 said/))
  assert.throws(() => iperfSum(''), failsSaying(/iperf3 said nothing/))
})

test('our own clients', () => {
  const line = '{"requests":5000,"seconds":0.499946,"p50":46.8,"p99":1456.7,"p999":2759.8}\n'
  assert.equal(figures('latency', line, 'requests', 'p999').p999, 2759.8)
  assert.throws(() => figures('latency', line, 'p42'), failsSaying(/latency said/))
  assert.throws(() => figures('latency', 'p50 1', 'p50'), failsSaying(/latency said "p50 1"/))
})

test('versions', () => {
  for (const [said, version] of [
    ['HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/', '2.6.12'],
    ['nginx version: nginx/1.22.1', '1.22.1'],
    ['nftables v1.0.6 (Lester Gooch #5)', '1.0.6'],
    ['iperf 3.12 (cJSON 1.7.15)\nLinux vm 6.18.44', '3.12'],
    ['redis-benchmark 7.0.15', '7.0.15'],
    ['undefined undefined', undefined],
  ] as const) {
    assert.equal(firstVersion(said), version)
  }
})

test('CPU time: of two CPUs that were up for 100 s, what was neither idle, iowait nor stolen', () => {
  const stat = `cpu  6000 0 3000 8000 500 0 400 300 0 0
cpu0 3000 0 1500 4000 250 0 200 150 0 0
cpu1 3000 0 1500 4000 250 0 200 150 0 0
intr 1
`
  assert.equal(machineSeconds(stat, 100), 2 * 100 - 88)
})

test('CPU time of a process whose name looks like fields', () => {
  const rest = 'S 1 1 1 0 -1 4194560 100 0 0 0 250 125 0 0 20 0 5 0 100 1000 100'
  assert.equal(processSeconds(`42 (a) 9 (b 9 9) ${rest}\n`), 3.75)
})
