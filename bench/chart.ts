/** Charts as SVG text, without a browser: vega-lite compiles the description, vega draws it. */

import * as vega from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/** Draws a vega-lite description, whose data are in it. => SVG */
export async function svg(spec: TopLevelSpec): Promise<string> {
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}
