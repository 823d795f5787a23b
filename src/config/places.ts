/**
 * Places: the numbers under which workers keep RSs and LIPs, the same in all of them. Connections hold these numbers, so a
 * place is given to another only when nothing counts in it any more; an object that returns before that gets its place back.
 */

/** For another list of the same capacity: each name with its place, and how many places were ever given out. */
export interface SavedPlaces {
  names: [string, number][]
  fresh: number
}

export class PlaceList {
  readonly #capacity: number
  readonly #isQuiet: (place: number) => boolean
  readonly #taken = new Map<string, number>()
  readonly #leaving = new Map<string, number>()
  #fresh = 0
  readonly #free: number[] = []

  /** `isQuiet` says that no connection holds a place that was left, in any worker. */
  constructor(capacity: number, isQuiet: (place: number) => boolean) {
    this.#capacity = capacity
    this.#isQuiet = isQuiet
  }

  save(): SavedPlaces {
    return { names: [...this.#taken, ...this.#leaving], fresh: this.#fresh }
  }

  /**
   * Into a list that has given out nothing: whoever had a place gets it back, and until then it is as one that was left. Throws
   * RangeError, and changes nothing, if it makes no sense.
   */
  restore(saved: SavedPlaces | undefined): void {
    const { names, fresh } = checked(saved, this.#capacity)
    const free = new Set(Array.from({ length: fresh }, (_, place) => place))
    for (const [name, place] of names) {
      this.#leaving.set(name, place)
      free.delete(place)
    }
    this.#fresh = fresh
    this.#free.push(...free)
  }

  /** The place of `name`, a new one if it has none. Throws RangeError if all are taken. */
  take(name: string): number {
    const place = this.#taken.get(name) ?? this.#leaving.get(name) ?? this.#newPlace()
    this.#leaving.delete(name)
    this.#taken.set(name, place)
    return place
  }

  /** => the place that `name` had, -1 if none */
  leave(name: string): number {
    const place = this.find(name)
    if (place < 0) return place
    this.#taken.delete(name)
    this.#leaving.set(name, place)
    return place
  }

  /** => -1 if there is none */
  find(name: string): number {
    return this.#taken.get(name) ?? -1
  }

  /** Places of the names in use that `isMeant` chooses. */
  taken(isMeant: (name: string) => boolean): number[] {
    return placesOf(this.#taken, isMeant)
  }

  /** The same of names that have left, as long as their places were not given to others. */
  left(isMeant: (name: string) => boolean): number[] {
    return placesOf(this.#leaving, isMeant)
  }

  #newPlace(): number {
    if (this.#fresh < this.#capacity) return this.#fresh++
    if (this.#free.length === 0) this.#collect()
    const place = this.#free.pop()
    if (place === undefined) throw new RangeError(`no more than ${this.#capacity} places`)
    return place
  }

  #collect(): void {
    for (const [name, place] of this.#leaving) {
      if (!this.#isQuiet(place)) continue
      this.#leaving.delete(name)
      this.#free.push(place)
    }
  }
}

function checked(saved: unknown, capacity: number): SavedPlaces {
  const { names, fresh } = Object(saved) as Partial<SavedPlaces>
  const isPlace = (place: unknown, end: number) =>
    Number.isInteger(place) && Number(place) >= 0 && Number(place) < end
  const isOne = (pair: unknown, end: number) =>
    Array.isArray(pair) && typeof pair[0] === 'string' && isPlace(pair[1], end)
  const isSound =
    Array.isArray(names) &&
    isPlace(fresh, capacity + 1) &&
    names.every(pair => isOne(pair, fresh as number)) &&
    new Set(names.map(([name]) => name)).size === names.length &&
    new Set(names.map(([, place]) => place)).size === names.length
  if (!isSound) throw new RangeError('places that were kept make no sense')
  return { names, fresh: fresh as number }
}

function placesOf(map: Map<string, number>, isMeant: (name: string) => boolean): number[] {
  return [...map].filter(([name]) => isMeant(name)).map(([, place]) => place)
}

export interface Places {
  dests: PlaceList
  lips: PlaceList
}
