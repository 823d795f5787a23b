/**
 * A page that any static server gives out is not isolated from others, and has no SharedArrayBuffer. The playground has one thread,
 * which shares its memory with nobody, and so memory of the usual kind does as well.
 */

globalThis.SharedArrayBuffer ??= ArrayBuffer as unknown as SharedArrayBufferConstructor
