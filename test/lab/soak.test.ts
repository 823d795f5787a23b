/**
 * The short form of the soak (test/soak): redis, HTTP, new connections, DNS and files through the appliance, whose daemon is killed and
 * whose real servers go and come. Nothing goes wrong that is not explained, and nothing is left.
 */

import { test } from 'node:test'
import { isLong } from '../kit/long.ts'
import { ratesOf } from '../soak/rates.ts'
import { soak } from '../soak/soak.ts'

/** Other tests run beside it. */
const SHARE = isLong ? 0.25 : 0.125

test('mixed traffic while the daemon is killed, servers go and come, and the config changes', async t => {
  await soak({
    minutes: isLong ? 2 : 0.75,
    rates: ratesOf(SHARE),
    bulk: { mib: 16, pauseMs: 4000 },
    pauseMs: 1000,
    say: line => t.diagnostic(line),
    signal: t.signal,
  })
})
