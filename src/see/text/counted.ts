/** => `1 packet`, `2 packets` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** => `1 line was lost`, `2 lines were lost` */
export function countedLost(count: number, noun: string): string {
  return `${counted(count, noun)} ${count === 1 ? 'was' : 'were'} lost`
}
