/** Server-sent events (the HTML standard, 9.2) out of the pieces of text in which they come. */

export interface TextEvent {
  id: string | undefined
  event: string | undefined
  /** undefined: a comment, which only says that somebody is there. */
  data: string | undefined
}

export class EventText {
  #rest = ''

  /** => the events that are whole now */
  add(piece: string): TextEvent[] {
    const frames = (this.#rest + piece).split('\n\n')
    this.#rest = frames.pop() as string
    return frames.map(frame => {
      const lines = frame.split('\n')
      const field = (name: string) =>
        lines.find(line => line.startsWith(`${name}: `))?.slice(name.length + 2)
      return { id: field('id'), event: field('event'), data: field('data') }
    })
  }
}
