/** What texts of a config have to be like. */

import { utf8Bytes } from '../see/text/utf8.ts'

/** Names and paths are told in logs and listings. */
export const isPrintable = (value: string) => !/\p{C}/u.test(value)
/** The kernel's rule for device names (dev_valid_name), less the % that would make it a pattern. */
export const isDeviceName = (value: string) =>
  /^[^\s/:%\p{C}]+$/u.test(value) &&
  utf8Bytes(value).length <= 15 &&
  value !== '.' &&
  value !== '..'
export const isNetnsName = (value: string) =>
  /^[^/\p{C}]+$/u.test(value) && utf8Bytes(value).length <= 255 && value !== '.' && value !== '..'
/** A station's own: neither the group bit nor all zero. */
export const isUnicastMac = (value: string) =>
  /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i.test(value) && !/^[0:]*$/.test(value)
/** sun_path has 108 bytes and a closing zero. */
export const isSocketPath = (value: string) =>
  value.startsWith('/') && isPrintable(value) && utf8Bytes(value).length <= 107
