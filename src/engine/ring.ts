/**
 * Records of one size in shared memory, from one writer to one reader. The writer waits for nobody: what finds the ring full
 * is lost, and the writer's to count.
 *
 *   control  [written, read, -, -] int32, free-running counts of records | two doubles
 *
 * The cells and doubles that it does not use are there for what is made of it.
 */

const CONTROL_BYTES = 32
const [WRITTEN, READ] = [0, 1]

export class Ring {
  protected readonly control: Int32Array
  protected readonly spare: Float64Array
  /** All records; the doubles are the same memory. */
  readonly cells: Int32Array
  readonly doubles: Float64Array
  readonly #size: number
  readonly #mask: number

  static bytes(records: number, size: number): number {
    return CONTROL_BYTES + records * size * 4
  }

  /** `memory` needs bytes(records, size) bytes; records is a power of two, and a record has `size` cells. */
  constructor(memory: ArrayBufferLike, records: number, size: number) {
    this.control = new Int32Array(memory, 0, 4)
    this.spare = new Float64Array(memory, 16, 2)
    this.cells = new Int32Array(memory, CONTROL_BYTES, records * size)
    this.doubles = new Float64Array(memory, CONTROL_BYTES, (records * size) >> 1)
    this.#size = size
    this.#mask = records - 1
  }

  get isFull(): boolean {
    return ((this.control[WRITTEN] - Atomics.load(this.control, READ)) | 0) > this.#mask
  }

  /** First cell of the record that is written next; to be asked only of a ring that is not full. */
  get next(): number {
    return (this.control[WRITTEN] & this.#mask) * this.#size
  }

  /** What was written to `next` is a record now. */
  publish(): void {
    Atomics.store(this.control, WRITTEN, (this.control[WRITTEN] + 1) | 0)
  }

  /** Copies the oldest record to `into` and frees it; false if there is none. For the reader. */
  read(into: Int32Array): boolean {
    const read = this.control[READ]
    if (read === Atomics.load(this.control, WRITTEN)) return false
    const at = (read & this.#mask) * this.#size
    for (let i = 0; i < this.#size; i++) into[i] = this.cells[at + i]
    Atomics.store(this.control, READ, (read + 1) | 0)
    return true
  }
}
