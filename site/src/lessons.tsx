/** Lessons: what to bring about, whether it is done, and why it came so. */

import { useState } from 'preact/hooks'
import { LESSONS, type Lesson } from '../../src/play/lessons.ts'
import type { Played } from '../../src/play/played.ts'
import { linkOf, ofLink, type Scenario } from '../../src/play/scenario.ts'
import { Panel } from './panel.tsx'

interface Props {
  scenario: Scenario
  played: Played
  done: ReadonlySet<string>
  choose: (scenario: Scenario) => void
}

export function Lessons({ scenario, played, done, choose }: Props) {
  const [id, setId] = useState(() => lessonOf(scenario))
  const lesson = LESSONS.find(one => one.id === id)
  const begin = (one: Lesson) => {
    setId(one.id)
    choose(ofLink(one.start))
  }
  return (
    <Panel id="lessons" title="Lessons">
      <p class="facts">
        {done.size} of {LESSONS.length} done
      </p>
      <ol class="lesson-list">
        {LESSONS.map((one, i) => (
          <li key={one.id}>
            <button
              type="button"
              class="lesson-button"
              aria-pressed={one.id === id}
              onClick={() => begin(one)}
            >
              <span class="lesson-number">{done.has(one.id) ? '✓' : i + 1}</span>
              {one.title}
              {done.has(one.id) && <span class="visually-hidden">, done</span>}
            </button>
          </li>
        ))}
      </ol>
      {lesson && (
        <Task key={lesson.id} lesson={lesson} isDone={lesson.isDone(played)} choose={choose} />
      )}
    </Panel>
  )
}

/** That of a link that begins or does it, else the first. */
function lessonOf(scenario: Scenario): string {
  const link = linkOf(scenario)
  const found = LESSONS.find(({ start, solution }) => solution === link || start === link)
  return (found ?? LESSONS[0])?.id ?? ''
}

function Task(props: { lesson: Lesson; isDone: boolean; choose: (scenario: Scenario) => void }) {
  const { lesson, isDone, choose } = props
  return (
    <div class="task">
      <p>{lesson.about}</p>
      <p class="task-what">{lesson.task}</p>
      <div role="status" class={isDone ? 'verdict good' : 'verdict'}>
        {isDone ? `Done. ${lesson.because}` : 'Not yet: change something below.'}
      </div>
      <details>
        <summary>A hint</summary>
        <p>{lesson.hint}</p>
        <button type="button" class="button" onClick={() => choose(ofLink(lesson.solution))}>
          Show a way
        </button>
      </details>
    </div>
  )
}
