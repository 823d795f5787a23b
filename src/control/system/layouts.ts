/**
 * What one version leaves to another: each is a number that is raised whenever anything of it means something else than before, so
 * that a program can say beforehand whether it goes on with what another one has.
 */

/**
 * Of the connections, neighbours and persistent clients (control/threads/state.ts): cells and bits of conn-layout.ts, columns
 * of neigh-table.ts, entries of templates.ts, the numbers of states. test/control/threads/state.test.ts knows when.
 */
export const STATE_LAYOUT = 8

/** Of what is written of the config that runs (control/model/kept-config.ts); the config itself is checked as any. */
export const CONFIG_LAYOUT = 2

/** Of what a daemon and its keeper say to one another, and of what a keeper leaves to the next (control/keeper). */
export const KEEPING = 1

/**
 * Of what packet threads are started with before anything else (control/threads/start-image.ts): BareConfig and Change. Another one is
 * passed over, and threads start when the config has been read. test/control/threads/start-image.test.ts knows when.
 */
export const START_LAYOUT = 6
