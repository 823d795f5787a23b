/** The text format of Prometheus, version 0.0.4: families of samples, each with its help and its type. */

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Record<string, string | number>
export type Sample = [labels: Labels, value: number]

export interface Histogram {
  labels: Labels
  /** Each bucket's own number, not the sum so far; the last bucket is above all bounds. */
  buckets: readonly number[]
  /** Upper bounds, in the unit of the name. */
  bounds: readonly number[]
  sum: number
}

export class Exposition {
  text = ''

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'counter', help, samples)
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'gauge', help, samples)
  }

  histogram(name: string, help: string, histograms: readonly Histogram[]): void {
    if (histograms.length === 0) return
    this.#head(name, 'histogram', help)
    for (const { labels, buckets, bounds, sum } of histograms) {
      let count = 0
      buckets.forEach((own, i) => {
        count += own
        this.#sample(`${name}_bucket`, { ...labels, le: bounds[i] ?? '+Inf' }, count)
      })
      this.#sample(`${name}_sum`, labels, sum)
      this.#sample(`${name}_count`, labels, count)
    }
  }

  #family(name: string, type: string, help: string, samples: readonly Sample[]): void {
    // A family without samples says nothing, and some parsers mind it.
    if (samples.length === 0) return
    this.#head(name, type, help)
    for (const [labels, value] of samples) this.#sample(name, labels, value)
  }

  #head(name: string, type: string, help: string): void {
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    this.text += `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
  }
}

function escaped(text: string | number): string {
  return String(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
