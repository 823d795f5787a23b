/**
 * A journal may come from anybody, and be damaged where no reader of its blocks can see it. Its values are looked at before they are
 * used as far as they have a shape; what then still goes wrong is the file's fault, and is told so in a line.
 */

/** Does the work with what a journal says. Throws Error, `is damaged: ...`, for what only a wrong value can bring about. */
export function withJournal<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (
      !(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
    )
      throw error
    throw damaged(error.message)
  }
}

export function damaged(what: string): Error {
  return new Error(`is damaged: ${what.replaceAll(/\s+/g, ' ')}`)
}

/**
 * Throws Error at the first thing in `value` that is of another kind than in `model`, which is one of its like: plain data and typed
 * arrays. A list may be longer, of items like the model's last; what is null or empty there may be anything.
 */
export function checkShape(value: unknown, model: unknown, where: string): void {
  if (model === null || model === undefined || value === null) return
  if (kindOf(value) !== kindOf(model))
    throw damaged(`${where} is ${kindOf(value)}, not ${kindOf(model)}`)
  if (typeof model !== 'object' || ArrayBuffer.isView(model)) return
  if (Array.isArray(model)) {
    for (const [i, item] of (value as unknown[]).entries())
      checkShape(item, model[i] ?? model.at(-1), `${where}[${i}]`)
    return
  }
  for (const [key, part] of Object.entries(model))
    checkShape((value as Record<string, unknown>)[key], part, `${where}.${key}`)
}

function kindOf(value: unknown): string {
  if (ArrayBuffer.isView(value)) return value.constructor.name
  if (Array.isArray(value)) return 'a list'
  return typeof value
}
