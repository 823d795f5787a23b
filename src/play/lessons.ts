/** Lessons, a row each: a scenario to begin with, what to bring about, how that is judged, and a way that does it. */

import type { FrameOut } from '../see/moments/moment.ts'
import { FLAG } from '../wire/tcp.ts'
import { readTcp } from './frames.ts'
import { lastStates, type Played } from './played.ts'

export interface Lesson {
  /** In links, and where the page remembers what is done. */
  id: string
  title: string
  about: string
  /** What to bring about. */
  task: string
  hint: string
  /** Said when it is done: why it came so. */
  because: string
  /** Links of scenarios (scenario.ts): to begin with, and one that does it. */
  start: string
  solution: string
  isDone: (played: Played) => boolean
}

/** What left the balancer. */
function leaving({ steps }: Played): FrameOut[] {
  return steps.flatMap(({ moments }) => moments.filter(moment => moment.kind === 'out'))
}

function adds(frame: FrameOut, what: string): boolean {
  return frame.changes.some(change => change.what === what)
}

function isSyn({ bytes }: FrameOut): boolean {
  return ((readTcp(bytes)?.bits ?? 0) & FLAG.SYN) !== 0
}

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)

export const LESSONS: readonly Lesson[] = [
  {
    id: 'last-ack',
    title: 'Why never LAST_ACK',
    about:
      'The client closes first. The socket of the real server goes to LAST-ACK, as RFC 9293 has it, but the balancer notes CLOSE_WAIT and then TIME_WAIT. LAST_ACK is in its table, and no connection is ever in it.',
    task: 'Bring the socket of the client to LAST-ACK, and watch what the balancer notes then.',
    hint: 'A socket comes to LAST-ACK when the other end has closed before it.',
    because:
      'Now it was FIN_WAIT and again TIME_WAIT. These are not states of a socket: a socket in LAST-ACK has sent a FIN and waits for its acknowledgement. The balancer has sent nothing and waits for nothing. It notes whose FIN has gone by, first one, then both, and both are all there is to know. No row of its tables leads to LAST_ACK.',
    start: 'v=1&workers=7&worker=5&isn=2976553321',
    solution: 'v=1&closes=rs&workers=7&worker=5&isn=2976553321',
    isDone: ({ moves }) => moves.some(({ who, to }) => who === 'client' && to === 'LAST-ACK'),
  },
  {
    id: 'close-wait',
    title: 'An end in CLOSE_WAIT',
    about:
      'On a server CLOSE-WAIT means that a program has forgotten to close. Here CLOSE_WAIT means: the client has closed, the real server not yet.',
    task: 'Make the connection end in CLOSE_WAIT: it is forgotten without ever having been in TIME_WAIT.',
    hint: 'Somebody never closes.',
    because:
      'The FIN of the real server never came. After 7 s without a packet the timer of CLOSE_WAIT ran out, and the entry went silently: no RST is sent for a connection that was closing.',
    start: 'v=1',
    solution: 'v=1&closes=client-only',
    isDone: played => lastStates(played).includes('CLOSE_WAIT'),
  },
  {
    id: 'lost-ack',
    title: 'The last packet of the handshake is lost',
    about:
      'A handshake is SYN, SYN+ACK, ACK. Packets get lost, and both ends and the balancer have to live with it.',
    task: 'Lose the ACK of the handshake on its way from the client, and see by which packet the balancer comes to ESTABLISHED.',
    hint: 'Number the packets that the client sends: the ACK is its second.',
    because:
      'The request came right behind the ACK and acknowledges the same. Any segment of the client with that acknowledgement opens the connection, here and in the socket of the real server.',
    start: 'v=1',
    solution: 'v=1&lost=client.2',
    isDone: ({ beside, answers }) =>
      beside.some(({ lost, text }) => lost === 'client' && text.includes('Flags [.]')) &&
      answers[0] === 1,
  },
  {
    id: 'idle',
    title: 'Nobody says anything',
    about: 'A connection in ESTABLISHED has 90 s, and each packet winds its timer up again.',
    task: 'Have the balancer end a connection that is idle, and see what it tells both ends.',
    hint: 'Nobody may close, and you have to watch for longer than 90 s.',
    because:
      'Both ends get an RST with the number that they expect next: neither waits for an answer to a connection that the balancer has forgotten.',
    start: 'v=1',
    solution: 'v=1&closes=nobody&seconds=100',
    isDone: played => leaving(played).some(({ own }) => own === 'rst_on_expiry'),
  },
  {
    id: 'toa',
    title: 'Who is the client?',
    about:
      'The real server sees the LIP, not the client. TOA tells it, in a TCP option, on each segment until the first byte of the real server is acknowledged. The DPVS of 2018 began with the SYN.',
    task: 'Have TOA on segments of the connection, but not on its SYN, as DPVS does it today.',
    hint: 'Two forms of TOA, and off.',
    because:
      'In the SYN the option takes room that others need. The ACK of the handshake carries it just as well, because only then does the program of the real server see a connection.',
    start: 'v=1',
    solution: 'v=1&toa=master',
    isDone: played => {
      const told = leaving(played).filter(frame => adds(frame, 'toa_added'))
      return told.length > 0 && !told.some(isSyn)
    },
  },
  {
    id: 'weights',
    title: 'Three to one',
    about: 'A service has one or several real servers, each with a weight.',
    task: 'Have two real servers of which one answers three times as many connections as the other, four or more in all.',
    hint: 'Two weights, and enough connections.',
    because:
      'wrr goes through the real servers in turns, those with more weight in more turns. It counts connections as they are opened, not packets, and not what they cost.',
    start: 'v=1&connections=2',
    solution: 'v=1&connections=4&servers=3%201',
    isDone: ({ served }) => {
      const [more = 0, less = 0] = served.toSorted((a, b) => b - a)
      return served.length === 2 && sum(served) >= 4 && less > 0 && more === 3 * less
    },
  },
  {
    id: 'udp',
    title: 'Without connections',
    about:
      'UDP has no handshake and no end. The balancer keeps an entry all the same, or the answer would find no way back, and it tells the client by UOA instead of TOA.',
    task: 'Send datagrams, have them answered, and tell the real server who the client is.',
    hint: 'The protocol, and UOA in one of its forms.',
    because:
      'The first datagrams carry a header, or an IP option, with the client’s address. UDP_NORM means that both ends were heard; the entry goes when nothing has come for 300 s.',
    start: 'v=1',
    solution: 'v=1&protocol=udp&requests=3&uoa=opp',
    isDone: played =>
      sum(played.answers) > 0 && leaving(played).some(frame => adds(frame, 'uoa_added')),
  },
  {
    id: 'flood',
    title: 'A flood of SYNs',
    about:
      'Four hundred SYNs come from addresses that nobody has. Each opens an entry here and a half-open connection at the real server, which has room for 256. The honest client behind them gets no answer.',
    task: 'Get the honest client its answer, flood or not.',
    hint: 'Somebody has to answer SYNs without keeping anything of them.',
    because:
      'The balancer answered each SYN by a cookie, kept nothing, and asked the real server only when a client brought its cookie back. The flood never did.',
    start: 'v=1&flood=400&seconds=2',
    solution: 'v=1&flood=400&seconds=2&syn_proxy=on',
    isDone: ({ scenario, answers }) => scenario.flood >= 400 && sum(answers) > 0,
  },
  {
    id: 'lports',
    title: 'No lport left',
    about:
      'Towards one real server a LIP has some 64 thousand lports, which the workers share. With 32 workers each has some two thousand.',
    task: 'Use all of them up, so that the balancer refuses a SYN, and find the name of that drop.',
    hint: 'A flood opens entries fast. As long as half-open connections make room for new ones, there is always one left.',
    because:
      'The drop is lport_exhausted. More LIPs help, and so do more real servers, because the same lport serves several of them; and by default the oldest half-open connection makes room.',
    start: 'v=1&seconds=2&workers=32',
    solution: 'v=1&flood=2100&seconds=2&make_room=no&workers=32',
    isDone: ({ refusals }) => refusals.some(({ reason }) => reason === 'lport_exhausted'),
  },
]
