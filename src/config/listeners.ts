/** Of the config: where the daemon listens by TCP, and the tokens that let people in there. */

import { UI_PORT } from '../api/commands.ts'
import type { ConfigFile } from './schema.ts'

/** One of the two is a token, or where it is. */
export interface ConfigToken {
  tokenFile: string | null
  token: string | null
}

/** The API by TCP. */
export interface ConfigHttp extends ConfigToken {
  address: string
  port: number
}

/** The page, on 127.0.0.1; without a token of its own it gets one at each start. */
export interface ConfigUi extends ConfigToken {
  /** 0 for any. */
  port: number
  scope: Scope
}

/** What the page's token opens: everything but what packets carry, or that too (ui/scope.ts). */
export type Scope = NonNullable<ConfigFile['control']['ui']>['scope']

export function httpOf(http: ConfigFile['control']['http']): ConfigHttp | null {
  return http ? { address: http.address, port: http.port, ...configToken(http) } : null
}

export function uiOf(ui: ConfigFile['control']['ui']): ConfigUi | null {
  return ui ? { port: ui.port, scope: ui.scope, ...configToken(ui) } : null
}

function configToken(from: { token?: string | undefined; token_file?: string | undefined }) {
  return { token: from.token ?? null, tokenFile: from.token_file ?? null }
}

/** `--ui[=PORT]` of the command line: a port only if it is named. */
export interface UiOption {
  port?: number
}

/** The option wins. => null if there is to be no page */
export function pageConfig(config: ConfigUi | null, option: UiOption | undefined): ConfigUi | null {
  if (!option) return config
  const port = option.port ?? config?.port ?? UI_PORT
  return { token: null, tokenFile: null, scope: 'view', ...config, port }
}
