/**
 * Why the daemon does not do what it is asked, as a value: the kind says it to programs, the message to people. It
 * travels as JSON through threads and HTTP, and gives the status there and the words of ipvsadm.
 */

/** invalid: what was asked for cannot be; mistakes: nor can the config that it would make; unanswered: a packet thread was silent. */
export const REFUSAL_KINDS = ['exists', 'missing', 'invalid', 'mistakes', 'unanswered'] as const
export type RefusalKind = (typeof REFUSAL_KINDS)[number]

/** The object that exists or is missing: `real server`, its name, and `in TCP 192.0.2.1:80`. */
export interface Subject {
  what: string
  name: string
  where?: string
}

/** Something wrong with a config: its path there, and what was expected and found. */
export interface Mistake {
  path: (string | number)[]
  text: string
}

/** As JSON. `problems` has a line for each mistake. */
export interface Refusal extends Partial<Subject> {
  error: string
  kind?: RefusalKind
  problems?: string[]
  mistakes?: Mistake[]
}

export class Refused extends Error {
  readonly kind: RefusalKind
  readonly subject: Subject | undefined
  readonly problems: string[] | undefined
  readonly mistakes: Mistake[] | undefined

  constructor(
    kind: RefusalKind,
    message: string,
    {
      subject,
      problems,
      mistakes,
    }: { subject?: Subject; problems?: string[]; mistakes?: Mistake[] } = {},
  ) {
    super(message)
    this.name = 'Refused'
    this.kind = kind
    this.subject = subject
    this.problems = problems
    this.mistakes = mistakes
  }

  /** `where` with its preposition. */
  static exists(what: string, name: string, where?: string): Refused {
    return new Refused('exists', `${what} ${name} exists already${where ? ` ${where}` : ''}`, {
      subject: { what, name, ...(where !== undefined && { where }) },
    })
  }

  /** `more` is said after it. */
  static missing(what: string, name: string, where?: string, more = ''): Refused {
    return new Refused('missing', `no ${what} ${name}${where ? ` ${where}` : ''}${more}`, {
      subject: { what, name, ...(where !== undefined && { where }) },
    })
  }

  static of({ error, kind = 'invalid', what, name, where, problems, mistakes }: Refusal): Refused {
    const subject =
      what !== undefined && name !== undefined
        ? { what, name, ...(where !== undefined && { where }) }
        : undefined
    return new Refused(kind, error, {
      ...(subject && { subject }),
      ...(problems && { problems }),
      ...(mistakes && { mistakes }),
    })
  }

  toJSON(): Refusal {
    const { message: error, kind, subject, problems, mistakes } = this
    return { error, kind, ...subject, ...(problems && { problems }), ...(mistakes && { mistakes }) }
  }
}
