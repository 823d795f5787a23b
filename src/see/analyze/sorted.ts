/** The first place in a sorted list whose value is not below `value`. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
  return firstNotBelow(sorted.length, place => sorted[place] < value)
}

/** The same of `count` places in order, of which the first ones are below. */
export function firstNotBelow(count: number, isBelow: (place: number) => boolean): number {
  let [from, to] = [0, count]
  while (from < to) {
    const middle = (from + to) >> 1
    if (isBelow(middle)) from = middle + 1
    else to = middle
  }
  return from
}
