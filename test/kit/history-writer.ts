/** A process that writes the history file that its argument names, 100 connections at a time, until it is killed. */

import { HistoryDatabase } from '../../src/control/whois/database.ts'
import { rowOf } from '../../src/control/whois/rows.ts'
import { ended } from './ended.ts'

const path = process.argv[2] as string
const history = await HistoryDatabase.open(path, true)
history.begin(Date.now(), Date.now(), Date.now())
for (let batch = 0; ; batch++) {
  const rows = Array.from({ length: 100 }, (_, i) =>
    rowOf(ended({ cport: 1 + batch, lport: 1025 + i })),
  )
  history.write(Float64Array.from(rows.flat()), Date.now(), 0)
  process.stdout.write(`${batch}\n`)
}
