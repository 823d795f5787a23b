/** Why a connection ended. */
export const End = {
  /** It was silent for the timeout of its state. */
  TIMEOUT: 0,
  /** Who closed first; the state says how far the other end went along. */
  FIN_CLIENT: 1,
  FIN_RS: 2,
  RST_CLIENT: 3,
  RST_RS: 4,
  /** ESTABLISHED and silent for too long: both ends were sent an RST. */
  RESET: 5,
  /** The balancer stopped. */
  STOPPED: 6,
  /** It had not been closed, and another connection of the same client took its place. */
  REPLACED: 7,
  /** Its RS was down, gone or drained, and its connections were to end. */
  CUT: 8,
} as const
