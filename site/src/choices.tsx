/** The scenario as a form. What cannot be is said beside its control, and the last scenario that could be stays. */

import { useEffect, useRef, useState } from 'preact/hooks'
import { FIELDS, type Field, GROUPS, KEYS, type Key } from '../../src/play/fields.ts'
import {
  BadScenario,
  DEFAULTS,
  readValue,
  type Scenario,
  scenarioOf,
  textOf,
} from '../../src/play/scenario.ts'
import { Panel } from './panel.tsx'

/** Whoever types has not said it yet; a flood takes a second. */
const TYPING_MS = 300

/** On a phone what happens is more than what could. */
const isWide = matchMedia('(min-width: 1081px)').matches

interface Props {
  scenario: Scenario
  choose: (scenario: Scenario) => void
}

export function Choices({ scenario, choose }: Props) {
  return (
    <Panel id="choices" title="What happens">
      <form class="choices" onSubmit={event => event.preventDefault()}>
        {GROUPS.map(group => (
          <details key={group} open={isWide}>
            <summary>{group}</summary>
            {KEYS.filter(key => FIELDS[key].group === group).map(key => (
              <Control key={key} name={key} scenario={scenario} choose={choose} />
            ))}
          </details>
        ))}
      </form>
      <button type="button" class="button" onClick={() => choose(DEFAULTS)}>
        As usual
      </button>
    </Panel>
  )
}

function Control({ name, scenario, choose }: Props & { name: Key }) {
  const field: Field = FIELDS[name]
  const [text, setText] = useState(textOf(scenario[name]))
  const [mistake, setMistake] = useState('')
  useEffect(() => {
    setText(textOf(scenario[name]))
    setMistake('')
  }, [scenario, name])
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const change = (value: string, afterMs = 0) => {
    setText(value)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => apply(value), afterMs)
  }
  const apply = (value: string) => {
    try {
      choose(scenarioOf({ ...scenario, [name]: readValue(name, value) }))
    } catch (error) {
      if (!(error instanceof BadScenario)) throw error
      setMistake(error.message)
    }
  }
  const isChanged = textOf(scenario[name]) !== textOf(DEFAULTS[name])
  const said = `${name}-said`
  const range = field.kind === 'whole' ? `${field.min} to ${field.max}` : ''
  const about = mistake || field.help || range
  return (
    <div class={isChanged ? 'choice choice-changed' : 'choice'}>
      <label for={name}>{field.label}</label>
      {field.kind === 'choice' ? (
        <select
          id={name}
          value={text}
          aria-describedby={about ? said : undefined}
          onChange={event => change(event.currentTarget.value)}
        >
          {field.words.map(word => (
            <option key={word} value={word}>
              {word}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={name}
          type="text"
          inputMode={field.kind === 'whole' ? 'numeric' : 'text'}
          value={text}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={mistake !== ''}
          aria-describedby={about ? said : undefined}
          onInput={event => change(event.currentTarget.value, TYPING_MS)}
        />
      )}
      {about && (
        <p id={said} class={mistake ? 'choice-said bad' : 'choice-said'}>
          {about}
        </p>
      )}
    </div>
  )
}
