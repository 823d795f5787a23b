/** All operations under /v1, but for the streams; those that are no verb as it is are here. */

import * as z from 'zod'
import * as answers from '../../api/answers.ts'
import { object } from '../../api/fields.ts'
import { NETWORK_OPERATIONS } from '../../api/network.ts'
import { type Operation, operation, VERB_OPERATIONS } from '../../api/operation.ts'
import { SERVICE_OPERATIONS } from '../../api/services.ts'
import { config } from '../../api/verb-table.ts'
import { CONTENT_TYPE } from '../readings/exposition.ts'
import { metricsText } from '../readings/metrics.ts'

const METRICS = operation({
  id: 'metrics',
  method: 'GET',
  path: '/metrics',
  tag: 'statistics',
  summary: 'The same for Prometheus, in its text format',
  answer: z.string(),
  type: CONTENT_TYPE,
  request: () => ({ verb: 'numbers' }),
  pick: numbers => metricsText(numbers),
})

const CHECK_CONFIG = operation({
  id: 'checkConfig',
  method: 'POST',
  path: '/v1/config/check',
  tag: 'config',
  summary: 'What a config would change, or its mistakes',
  refuses: [422],
  body: object({ config }),
  answer: answers.plan,
  request: ({ body }) => ({ verb: 'apply', config: body.config, dry_run: true }),
})

export const OPERATIONS: readonly Operation[] = [
  ...Object.values(VERB_OPERATIONS),
  METRICS,
  CHECK_CONFIG,
  ...SERVICE_OPERATIONS,
  ...NETWORK_OPERATIONS,
]
