/** Numbers that the config file, the API, the command line and the page have in common. */

/** Of whatever is said in seconds: ms are int32 in the engine, which compares them by difference over 24 days. */
export const SECONDS_MAX = 1_000_000
/** Of a real server. */
export const WEIGHT_MAX = 65_535
/** Connections. */
export const THRESHOLD_MAX = 1_000_000_000
/** Connections in a second, and at once. */
export const RATE_MAX = 1_000_000
/** Connections of a page, where many are asked for. */
export const CONNS_PER_REQUEST = 1000
/** Prefixes of a page of a deny or allow list. */
export const ACL_PER_REQUEST = 10_000
/** A silent stream says at least so often that it lives, so that both sides notice a connection that is no more. */
export const HEARTBEAT_MS = 15_000
