/** One step: the packet on both arms, what the log says of it, and the connections behind it, as the command line prints them. */

import { FIELDS } from '../../src/play/fields.ts'
import type { Played, Step as PlayedStep } from '../../src/play/played.ts'
import { type Scenario, scenarioOf } from '../../src/play/scenario.ts'
import { DROP_WORDS } from '../../src/see/drops/drops.ts'
import { Panel, Printed } from './panel.tsx'

interface Props {
  played: Played
  step: number
  choose: (scenario: Scenario) => void
}

export function Step({ played, step, choose }: Props) {
  // Behind the last packet the timers have run on; the last thing that was said is what one wants to read.
  const made = played.steps.slice(0, step)
  const now = made.findLast(one => one.said.length > 0 || 'packet' in one.given)
  const before = made.at(-1)
  const rows = before?.conns ?? []
  const packet = now && linesOf(now)
  return (
    <>
      <Panel id="packet" title="This packet">
        <div aria-live="polite">
          <p class="facts">{now ? `at ${now.atMs} ms` : 'nothing yet'}</p>
          <Printed label="The packet, in tcpdump’s words" lines={packet ?? ['(no packet)']} />
        </div>
        {now && <Lose step={now} scenario={played.scenario} choose={choose} />}
      </Panel>
      <Panel id="log" title="Debug log">
        <Printed
          label="Debug log of this step"
          lines={now?.said.length ? now.said : ['(nothing)']}
        />
      </Panel>
      <Panel id="table" title="ipvsadm -ln -c">
        <p class="facts">the connection table {before ? `at ${before.atMs} ms` : 'before'}</p>
        <Printed label="Connection table" lines={rows.length > 0 ? rows : ['(no connection)']} />
      </Panel>
    </>
  )
}

function linesOf({ given, sent, drop }: PlayedStep): string[] {
  return [
    'packet' in given ? `> ${given.packet}` : `(${given.waitMs} ms go by)`,
    ...sent.map(line => `< ${line}`),
    ...(drop === null
      ? []
      : [`dropped: ${drop.toLowerCase()}, ${DROP_WORDS[drop.toLowerCase()] ?? ''}`]),
  ]
}

/** What if it had been lost? */
function Lose({
  step,
  scenario,
  choose,
}: { step: PlayedStep } & Omit<Props, 'played' | 'step'> & { scenario: Scenario }) {
  const { came, left } = step
  const names = [came, ...left].filter(name => name !== null).slice(0, 3)
  if (names.length === 0 || scenario.lost.length >= FIELDS.lost.max) return null
  const lose = (name: string) => choose(scenarioOf({ ...scenario, lost: [...scenario.lost, name] }))
  return (
    <p class="buttons">
      {names.map((name, i) => (
        <button key={name} type="button" class="button" onClick={() => lose(name)}>
          {i === 0 && came !== null ? 'Lose it before the balancer' : 'Lose it behind the balancer'}
          <span class="facts"> {name}</span>
        </button>
      ))}
    </p>
  )
}
