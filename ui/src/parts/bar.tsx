/** A bar that shows a share; the number stands beside it, so the bar itself says nothing aloud. */

export function Bar({ share }: { share: number }) {
  const width = `${(Math.min(1, Math.max(0, share)) * 100).toFixed(1)}%`
  return (
    <span class="bar" aria-hidden="true">
      <span style={{ width }} />
    </span>
  )
}
