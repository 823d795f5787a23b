/** Addresses of the kernel (native/addresses.c). */

import { loadAddon } from './addon.ts'

interface Addon {
  kernelAddresses(): string[]
}

/**
 * => the addresses of the namespace that this thread is in, each followed by its device, whether that is up or not; those of IPv6 in their
 * shortest form, without a zone. Throws NativeError.
 */
export const kernelAddresses: Addon['kernelAddresses'] = loadAddon<Addon>().kernelAddresses
