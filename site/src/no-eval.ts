/** What zod makes of schemas by eval, no page may with this policy. Before any schema, for some are read while they are loaded. */

import { config } from 'zod'

config({ jitless: true })
