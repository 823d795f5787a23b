/** Edges that were just taken: they light up, and dots move along them, unless the system asks for calm. */

const LIT_MS = 900
const DOTS_PER_EDGE = 4
const DOTS = 48
const SVG = 'http://www.w3.org/2000/svg'

const calm = matchMedia('(prefers-reduced-motion: reduce)')

/** `taken` by the edge's key, see `data-edge`. */
export function lightUp(svg: SVGSVGElement, taken: ReadonlyMap<string, number>): void {
  // Nobody sees it, and what is not seen piles up.
  if (document.hidden) return
  for (const edge of svg.querySelectorAll<SVGGElement>('.edge')) {
    const count = taken.get(edge.dataset.edge ?? '') ?? 0
    if (count === 0) continue
    edge.classList.add('edge-lit')
    setTimeout(() => edge.classList.remove('edge-lit'), LIT_MS)
    const path = edge.querySelector('path')
    if (path && !calm.matches) moveDots(svg, path, Math.min(count, DOTS_PER_EDGE))
  }
}

function moveDots(svg: SVGSVGElement, path: SVGPathElement, count: number): void {
  const group = svg.querySelector('.dots')
  if (!group || group.childElementCount + count > DOTS) return
  for (let i = 0; i < count; i++) {
    const dot = document.createElementNS(SVG, 'circle')
    dot.setAttribute('r', '3')
    dot.style.offsetPath = `path("${path.getAttribute('d')}")`
    group.append(dot)
    const move = dot.animate(
      [
        { offsetDistance: '0%', opacity: 0 },
        { opacity: 1, offset: 0.15 },
        { opacity: 1, offset: 0.85 },
        { offsetDistance: '100%', opacity: 0 },
      ],
      { duration: LIT_MS, delay: (i * LIT_MS) / count, fill: 'backwards', easing: 'ease-in-out' },
    )
    move.onfinish = () => dot.remove()
  }
}
