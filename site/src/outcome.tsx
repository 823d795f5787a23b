/** What came of it in the end: answers, refusals with what to do, listings and the config. */

import type { Played } from '../../src/play/played.ts'
import { counted } from '../../src/see/text/counted.ts'
import { Panel, Printed } from './panel.tsx'

export function Outcome({ played }: { played: Played }) {
  const { refusals, answers, scenario, cut } = played
  const all = answers.reduce((sum, one) => sum + one, 0)
  const asked = scenario.connections * scenario.requests
  return (
    <Panel id="outcome" title="What came of it">
      <p data-testid="outcome">
        Requests answered: {all} of {asked}.{' '}
        {refusals.length === 0 ? 'The balancer refused nothing.' : ''}
        {cut ? ' Too much happened, and it was broken off.' : ''}
      </p>
      {refusals.map(({ reason, count, words, rule, advice }) => (
        <div key={reason} class="refusal">
          <h3>
            {reason}, {counted(count, 'packet')}
          </h3>
          <p>{words}</p>
          <dl>
            <dt>Rule</dt>
            <dd>{rule}</dd>
            <dt>What to do</dt>
            <dd>{advice}</dd>
          </dl>
        </div>
      ))}
      <details>
        <summary>Listings at the end: ipvsadm -ln, dpip addr show</summary>
        <Printed label="Services" lines={played.services.trimEnd().split('\n')} />
        <Printed label="Addresses" lines={played.addresses.trimEnd().split('\n')} />
      </details>
      <details>
        <summary>The config file</summary>
        <Printed label="Config file" lines={played.yaml.trimEnd().split('\n')} />
      </details>
    </Panel>
  )
}
