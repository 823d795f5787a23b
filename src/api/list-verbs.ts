/** Verbs of whom services take, by lists of prefixes and named sets of them: rows of verb-table.ts. */

import * as z from 'zod'
import * as answers from './answers.ts'
import { aclList, address, anyProtocol, object, text, wholeText } from './fields.ts'
import { ACL_PER_REQUEST } from './limits.ts'

const page = {
  from: wholeText(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: wholeText(1, ACL_PER_REQUEST).default(ACL_PER_REQUEST),
}

export const LIST_VERBS = {
  acl: {
    id: 'acl',
    tag: 'services',
    summary: 'A page of the deny or allow list of a service, with what each prefix has met',
    refuses: [404],
    query: object({
      protocol: anyProtocol,
      address,
      port: wholeText(1, 65_535),
      list: aclList,
      ...page,
    }),
    answer: answers.aclPage,
  },
  ipsets: {
    id: 'ipsets',
    tag: 'services',
    summary: 'All named sets of prefixes, in the order of the config',
    query: object({}),
    answer: z.array(answers.ipset),
  },
  ipset: {
    id: 'ipset',
    tag: 'services',
    summary: 'A page of a named set, with what each prefix has met at all services',
    refuses: [404],
    query: object({
      name: text('the name of an ipset'),
      ...page,
      holds: address
        .exactOptional()
        .describe('Only the longest prefix that holds this address, if there is one.'),
    }),
    answer: answers.ipsetPage,
  },
} as const
