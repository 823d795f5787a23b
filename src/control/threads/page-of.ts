/** Where a page of connections begins: the worker by index and the record of its table, in one safe integer. */
export const pageOf = {
  write: (worker: number, record: number): number => worker * 2 ** 32 + record,
  read: (from: number) => ({ worker: Math.trunc(from / 2 ** 32), record: from % 2 ** 32 }),
}
