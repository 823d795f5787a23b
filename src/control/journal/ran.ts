/** The config of a journal as it ran when the journal began. */

import { type Config, configOf } from '../../config/config.ts'
import { fileLists, packList } from '../../config/prefix-lists.ts'
import type { Journal } from './format.ts'

/**
 * With the lists that the workers had: the files that the config names are of another machine or time, and are not read. Throws
 * ConfigError for a config with mistakes.
 */
export function ranIn({ header, images: [image] }: Journal): Config {
  const lists = image?.setup.lists.map(({ name, prefixes }) => [name, packList(prefixes)]) ?? []
  return configOf(header.config, fileLists(Object.fromEntries(lists)))
}
