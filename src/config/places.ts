/**
 * Places: the numbers under which workers keep RSs and LIPs, the same in all of them. Connections hold these numbers, so a
 * place is given to another only when nothing counts in it any more; an object that returns before that gets its place back.
 */

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

function placesOf(map: Map<string, number>, isMeant: (name: string) => boolean): number[] {
  return [...map].filter(([name]) => isMeant(name)).map(([, place]) => place)
}

export interface Places {
  dests: PlaceList
  lips: PlaceList
}
