import { counted } from '../text/counted.ts'

/** `93 us`, from 10 ms on `12.7 ms`. */
export function micros(us: number): string {
  return us < 10_000 ? `${Math.round(us)} us` : `${(us / 1000).toFixed(1)} ms`
}

export function segments(number: number): string {
  return counted(number, 'segment')
}
