/** The bars of one reason by themselves: which is which needs no colour, and those of a rare reason are seen too. */

const HEIGHT = 22
/** Of each bar; it fills most of it. */
const STEP = 3

/** `index` is that of its colour. */
export function BarStrip({ bars, index }: { bars: readonly (number | null)[]; index: number }) {
  const top = Math.max(1, ...bars.map(bar => bar ?? 0))
  const width = bars.length * STEP
  return (
    <svg
      class={`bar-strip series-${index + 1}`}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
      aria-hidden="true"
    >
      <path
        d={bars
          .map((bar, i) => {
            const height = bar ? Math.max(1.5, (bar / top) * (HEIGHT - 1)) : 0
            return `M${i * STEP} ${HEIGHT}v${-height}h${STEP - 1}v${height}z`
          })
          .join('')}
      />
      <path class="bar-strip-ground" d={`M0 ${HEIGHT - 0.5}h${width}`} />
    </svg>
  )
}
