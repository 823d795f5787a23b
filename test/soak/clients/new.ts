/** New connections at a rate, a question on each. The client closes some first, the server the others. */

import { createConnection } from 'node:net'
import { ANSWER_LIMIT_MS, type Kind, type Plan, type Running } from './plan.ts'
import { type Report, whyOf } from './report.ts'

const TICK_MS = 20
/** More than that at once are not begun: whoever is slow is not buried. */
const UNDER_WAY_MOST = 400

interface Question {
  kind: Kind
  port: number
  text: string
  /** Of the whole answer; the first group is what the RS has called itself. */
  answer: RegExp
  /** The client ends it when the answer is there. */
  ends: boolean
}

function questions({ files }: Plan): Question[] {
  const [small] = files
  const body = `[^]{${small?.bytes}}`
  return [
    { kind: 'redis', port: 6379, text: 'PING\r\n', answer: /^\+PONG\r\n$/, ends: true },
    {
      kind: 'http',
      port: 80,
      text: `GET ${small?.path} HTTP/1.0\r\n\r\n`,
      answer: new RegExp(`^HTTP/1.1 200 [^]*\r\nRS: (.*)\r\n[^]*\r\n\r\n${body}$`),
      ends: false,
    },
    {
      kind: 'redis',
      port: 6379,
      text: 'PING\r\nQUIT\r\n',
      answer: /^\+PONG\r\n\+OK\r\n$/,
      ends: false,
    },
  ]
}

export function startNew(plan: Plan, report: Report): Running {
  const asked = questions(plan)
  let count = 0
  let underWay = 0
  let due = 0
  const one = () => {
    const question = asked[count % asked.length] as Question
    const localAddress = plan.clients[count % plan.clients.length]
    count++
    underWay++
    ask(plan.vip, localAddress, question, report, () => underWay--)
  }
  const timer = setInterval(() => {
    for (due += (plan.rates.new * TICK_MS) / 1000; due >= 1; due--) {
      if (underWay < UNDER_WAY_MOST) one()
      else report.heldBack('new')
    }
  }, TICK_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      while (underWay > 0) await new Promise(done => setTimeout(done, 50))
    },
  }
}

function ask(
  host: string,
  localAddress: string | undefined,
  { kind, port, text, answer, ends }: Question,
  report: Report,
  over: () => void,
): void {
  const from = Date.now()
  let said = ''
  let failure = ''
  const socket = createConnection({ host, port, ...(localAddress && { localAddress }) })
  socket.setEncoding('latin1').setNoDelay()
  const timer = setTimeout(() => socket.destroy(new Error('no answer')), ANSWER_LIMIT_MS)
  socket.on('connect', () => socket.write(text))
  socket.on('data', (data: string) => {
    said += data
    if (ends && answer.test(said)) socket.end()
  })
  socket.on('error', error => {
    failure = whyOf(error)
  })
  socket.on('close', () => {
    clearTimeout(timer)
    over()
    const rs = /\r\nRS: (.*)\r\n/.exec(said)?.[1] ?? null
    if (failure === '' && answer.test(said)) report.done('new', from)
    else report.error('new', kind, from, rs, failure || (complete(kind, said) ? 'wrong' : 'closed'))
  })
}

/** Whether it is more than the beginning of an answer: then it is another one. */
function complete(kind: Kind, said: string): boolean {
  return kind === 'redis' ? said.length > '+PONG\r\n'.length : false
}
