/**
 * What an appliance was given, as a text that can be given again; and the shortest part of it that still shows a fault.
 *
 *   # words            what it reaches
 *   variant NAME       of variants.ts
 *   pass MS            the clock goes on
 *   WORKER ARM HEX     a frame from its virtio-net header on, read by a worker from an arm
 *   turn               what was read is judged; stands behind each frame unless several come in one burst
 */

import { VARIANTS, type Variant } from './variants.ts'
import { World } from './world.ts'

export type Step = { ms: number } | { turn: true } | { worker: number; arm: number; hex: string }

export interface Case {
  words: string
  variant: Variant
  steps: readonly Step[]
}

export function caseText({ words, variant, steps }: Case): string {
  const lines = steps.map(step => {
    if ('ms' in step) return `pass ${step.ms}`
    return 'turn' in step ? 'turn' : `${step.worker} ${step.arm} ${step.hex}`
  })
  return [`# ${words}`, `variant ${variant.name}`, ...lines, ''].join('\n')
}

/** Throws Error for what is no case. */
export function parseCase(text: string): Case {
  const [first = '', second = '', ...rest] = text.trimEnd().split('\n')
  const variant = VARIANTS.find(({ name }) => `variant ${name}` === second)
  if (!first.startsWith('# ') || variant === undefined) throw new Error(`no case: ${second}`)
  const steps = rest.map((line): Step => {
    const words = line.split(' ')
    if (line === 'turn') return { turn: true }
    if (words[0] === 'pass') return { ms: Number(words[1]) }
    const [worker, arm, hex] = words
    if (hex === undefined || !/^(?:[0-9a-f]{2})+$/.test(hex)) throw new Error(`no step: ${line}`)
    return { worker: Number(worker), arm: Number(arm), hex }
  })
  return { words: first.slice(2), variant, steps }
}

/** Throws what the world finds wrong. */
export function play({ variant, steps }: Pick<Case, 'variant' | 'steps'>, fill?: number): World {
  const world = new World(variant, fill)
  for (const step of steps) {
    if ('ms' in step) world.pass(step.ms)
    else if ('turn' in step) world.turn()
    else {
      const bytes = Buffer.from(step.hex, 'hex')
      world.put(step.worker, step.arm, bytes, bytes.length)
    }
  }
  world.turn()
  world.checkArena()
  return world
}

/** => As few of the steps as still show what `fails` looks for; stops after `limitMs`. */
export function shrink(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => boolean,
  limitMs: number,
): readonly Step[] {
  const end = performance.now() + limitMs
  let kept = steps
  // What is long ago seldom matters.
  for (let count = 1; count < kept.length; count *= 4) {
    if (fails(kept.slice(-count))) {
      kept = kept.slice(-count)
      break
    }
  }
  for (let chunk = kept.length >> 1; chunk >= 1; chunk >>= 1) {
    for (let at = 0; at < kept.length && performance.now() < end; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + chunk)]
      if (fails(without)) kept = without
      else at += chunk
    }
  }
  return kept
}
