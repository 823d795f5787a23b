/** Prints the OpenAPI document, for docs/openapi.json: `npm run openapi`. */

import { Events } from '../model/events.ts'
import { buildApp } from './app.ts'
import { documentText } from './openapi.ts'

const { app } = await buildApp(async () => ({ error: 'there is no daemon' }), new Events())
process.stdout.write(documentText(app))
await app.close()
