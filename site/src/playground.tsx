/** The page: lessons, choices, and what becomes of them. */

import { useEffect, useState } from 'preact/hooks'
import { Choices } from './choices.tsx'
import { Conversation } from './conversation.tsx'
import { Lessons } from './lessons.tsx'
import { Outcome } from './outcome.tsx'
import { Player } from './player.tsx'
import { Share } from './share.tsx'
import { lastPacket, useDone, useScenario } from './state.ts'
import { States } from './states.tsx'
import { Step } from './step.tsx'

export function Playground() {
  const { scenario, mistakes, played, choose } = useScenario()
  const [step, setStep] = useState(() => lastPacket(played))
  const done = useDone(played)
  useEffect(() => setStep(lastPacket(played)), [played])
  return (
    <>
      <div class="play-head">
        <h1>Playground</h1>
        <p class="about">
          The balancer’s own engine, in this tab, between a client and real servers that are
          simulated. Change something and see what becomes of it. Nothing leaves this page.
        </p>
      </div>
      {mistakes.length > 0 && (
        <div class="mistakes" role="alert">
          <p>The link was refused, and the usual conversation is shown:</p>
          <ul>
            {mistakes.map(mistake => (
              <li key={mistake}>{mistake}</li>
            ))}
          </ul>
        </div>
      )}
      <div class="play-columns">
        <div class="play-side">
          <Lessons scenario={scenario} played={played} done={done} choose={choose} />
          <Choices scenario={scenario} choose={choose} />
        </div>
        <div class="play-main">
          <Player played={played} step={step} go={setStep} />
          <Conversation played={played} step={step} />
          <Step played={played} step={step} choose={choose} />
          <States played={played} step={step} />
          <Outcome played={played} />
          <Share played={played} />
        </div>
      </div>
    </>
  )
}
