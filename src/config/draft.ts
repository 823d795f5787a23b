/** The schema of the config file read backwards: what of a wrong file is right, and which keys there are at a place. */

import * as z from 'zod'
import { type ConfigFile, fileSchema } from './schema.ts'

/** What is left of a file once everything wrong is out of it: any key may be missing, list items keep their index. */
export type Draft<T> = T extends (infer U)[]
  ? (Draft<U> | null)[]
  : T extends object
    ? { [K in keyof T]?: Draft<T[K]> | undefined }
    : T

/** The same schema, but what it refuses it leaves out, so that the rest can be checked in spite of it. */
function lenient(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = {}
    for (const [key, value] of Object.entries(schema.shape)) {
      shape[key] = lenient(value as z.ZodType)
        .optional()
        .catch(undefined)
    }
    return z.object(shape)
  }
  if (schema instanceof z.ZodArray)
    return z.array(
      lenient(schema.element as z.ZodType)
        .nullable()
        .catch(null),
    )
  if (schema instanceof z.ZodOptional) return lenient(schema.unwrap() as z.ZodType)
  if (schema instanceof z.ZodPrefault) return lenient(schema.unwrap() as z.ZodType).prefault({})
  // Leaves and lists keep their defaults; only a list's items can be half right.
  if (schema instanceof z.ZodDefault && schema.unwrap() instanceof z.ZodArray) {
    return lenient(schema.unwrap() as z.ZodType).default([])
  }
  return schema
}

const draftSchema = lenient(fileSchema)

/** What of `value` passes the schema; undefined if it is not even a mapping. */
export function draftOf(value: unknown): Draft<ConfigFile> | undefined {
  const { data } = draftSchema.safeParse(value)
  return data as Draft<ConfigFile> | undefined
}

/** The keys known at `path`, for suggestions. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = fileSchema
  for (const step of path) {
    schema = bare(schema)
    if (schema instanceof z.ZodObject) schema = schema.shape[String(step)]
    else if (schema instanceof z.ZodArray) schema = schema.element
  }
  schema = bare(schema)
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

function bare(schema: unknown): unknown {
  let inner = schema
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault
  ) {
    inner = inner.unwrap()
  }
  return inner
}
