/** A small line without axes, as a hint at how a number came about. */

const WIDTH = 120
const HEIGHT = 28

export function Spark({ values }: { values: readonly number[] }) {
  if (values.length < 2)
    return <svg class="spark" aria-hidden="true" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} />
  const top = Math.max(...values) || 1
  const x = (i: number) => ((i / (values.length - 1)) * WIDTH).toFixed(1)
  const y = (value: number) => (HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)
  const line = values.map((value, i) => `${i === 0 ? 'M' : 'L'}${x(i)} ${y(value)}`).join('')
  return (
    <svg
      class="spark"
      aria-hidden="true"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      <path class="spark-area" d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
      <path class="spark-line" d={line} />
    </svg>
  )
}
