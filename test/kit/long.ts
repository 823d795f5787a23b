/** The long form of the tests (`scripts/test long`) takes more rows of the same kind. */

export const isLong = process.env.TAPVS_LONG === '1'

/** Runs of a property: `short` of them each time, with a seed of their own, and twenty times as many in the long form. */
export const runs = (short: number): number => Math.ceil(isLong ? 20 * short : short)
