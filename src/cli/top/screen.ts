/**
 * `tapvs top` on a terminal. Only this file knows ink and React; they are imported when a screen is wanted and not for any
 * other verb, because they take half a second.
 */

import { Box, render, Text, useApp, useInput, useStdout } from 'ink'
import { createElement, useEffect, useRef, useState } from 'react'
import { countClients } from '../../see/numbers/clients.ts'
import { History } from '../../see/numbers/summary.ts'
import type { Line } from '../../see/numbers/text.ts'
import { printable } from '../../see/text/printable.ts'
import { ask, CliError } from '../daemon/client.ts'
import { hasColours } from '../terminal/terminal.ts'
import { askConns, BusyConns } from './busy.ts'
import { FIRST_VIEW, frame, type View } from './frame.ts'
import { press } from './keys.ts'
import type { PaneName, Shown } from './panes.ts'

export interface ScreenOptions {
  socket: string
  everyMs: number
  pane: PaneName
}

const ALTERNATE_SCREEN = '\u001b[?1049h\u001b[H'
const NORMAL_SCREEN = '\u001b[?1049l'

/** Runs until the user quits. What stood on the terminal before stands there again afterwards. */
export async function runScreen(options: ScreenOptions): Promise<void> {
  process.stdout.write(ALTERNATE_SCREEN)
  try {
    const instance = render(createElement(Screen, options))
    await instance.waitUntilExit()
  } finally {
    process.stdout.write(NORMAL_SCREEN)
  }
}

function Screen({ socket, everyMs, pane }: ScreenOptions) {
  const { exit } = useApp()
  const rows = useRows()
  const [view, setView] = useState<View>({ ...FIRST_VIEW, pane })
  const [shown, setShown] = useState<Shown | null>(null)
  // What the poll, which was started once, sees of the view.
  const current = useRef(view)
  current.current = view
  useInput((input, key) => {
    const next = press(current.current, input, key)
    if (next === null) exit()
    else setView(next)
  })
  useEffect(
    () => poll(socket, everyMs, () => current.current, setShown, setView),
    [socket, everyMs],
  )
  if (shown === null) return createElement(Text, {}, view.failure ?? 'asking the daemon ...')
  // A frame as high as the terminal makes ink clear it for every frame.
  const lines = frame(shown, view, rows - 1)
  return createElement(
    Box,
    { flexDirection: 'column' },
    lines.map((spans, i) => createElement(Row, { key: i, spans })),
  )
}

function Row({ spans }: { spans: Line }) {
  const colours = hasColours()
  return createElement(
    Text,
    { wrap: 'truncate' },
    // An empty line would take no row.
    spans.every(({ text }) => text === '') ? ' ' : null,
    spans.map(({ text, color, bold, dim, inverse }, i) =>
      createElement(
        Text,
        {
          key: i,
          ...(colours && color && { color }),
          ...(bold && { bold }),
          ...(dim && { dimColor: dim }),
          ...(inverse && { inverse }),
        },
        printable(text),
      ),
    ),
  )
}

/** Rows of the terminal, now and after it was made larger or smaller. */
function useRows(): number {
  const { stdout } = useStdout()
  const [rows, setRows] = useState(stdout.rows || 24)
  useEffect(() => {
    const resized = () => setRows(stdout.rows || 24)
    stdout.on('resize', resized)
    return () => {
      stdout.off('resize', resized)
    }
  }, [stdout])
  return rows
}

/** Asks again and again, one question at a time. => what ends it */
function poll(
  socket: string,
  everyMs: number,
  view: () => View,
  show: (shown: Shown) => void,
  change: (next: (view: View) => View) => void,
): () => void {
  const history = new History()
  const watch = new BusyConns()
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const failed = (failure: string | null) => change(before => ({ ...before, failure }))
  const once = async () => {
    const { pane, paused } = view()
    try {
      if (!paused) {
        const numbers = await ask(socket, { verb: 'numbers' })
        const conns = pane === 'clients' || pane === 'conns' ? await askConns(socket) : null
        const clients = conns && countClients(conns)
        const busy = conns && watch.add(conns, performance.now())
        if (!ended) show({ moment: history.add(numbers), clients, busy })
        if (!ended && view().failure !== null) failed(null)
      }
    } catch (error) {
      // It may come back; until then the user can quit.
      if (!(error instanceof CliError)) throw error
      if (!ended) failed(error.message)
    }
    if (!ended) timer = setTimeout(() => void once(), everyMs)
  }
  void once()
  return () => {
    ended = true
    clearTimeout(timer)
  }
}
