/** What packets have to be like. Ranges are of IPv4 and include both of their ends; all of it is any. */
export interface Match {
  /** By which control knows it. */
  readonly name: string
  readonly sourceFirst: number
  readonly sourceLast: number
  readonly destinationFirst: number
  readonly destinationLast: number
  /** Index of the arm they come in on, or ANY_ARM. */
  readonly inArm: number
  /** Of the one that leads to where they are for. */
  readonly outArm: number
}
