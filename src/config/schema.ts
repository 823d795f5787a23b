/**
 * The schema of the config file, in the file's own keys and as text and numbers. It judges one value at a time; what
 * values say about each other is for consistency.ts. The message of each schema is what was expected there, so that
 * an issue needs only the place and what was found instead.
 */

import { isIPv4 } from 'node:net'
import * as z from 'zod'
import { DEFAULT_SOCKET, UI_PORT } from '../api/commands.ts'
import { protocol, scheduler } from '../api/fields.ts'
import { SECONDS_MAX, THRESHOLD_MAX, WEIGHT_MAX } from '../api/limits.ts'
import { LOG_LEVELS, MODULES, type Module } from '../api/log-levels.ts'
import { COUNTED, STATE_KEYS, type StateKey } from '../api/names.ts'
import { DEFAULT_PROTOCOL } from '../api/protocols.ts'
import {
  DEFAULT_SCHEDULER,
  FORWARDINGS,
  HASH_TARGETS,
  oneOf,
  PROXY_PROTOCOLS,
  WHEN_DOWN,
} from '../api/words.ts'
import { DEFAULT_TIMEOUTS } from '../engine/tcp-state.ts'
import { UDP_TIMEOUTS, UdpState } from '../engine/udp-state.ts'
import { UOA_TRAIL_MAX } from '../engine/xmit/uoa.ts'
import { aclSchema } from './acl-schema.ts'
import { checkSchema, passiveSchema } from './check-keys.ts'
import { isAddress, isCidr } from './cidr.ts'
import { ipsetSchema } from './ipsets.ts'
import { snatSchema } from './snat-schema.ts'
import { synProxySchema, synProxyService } from './syn-proxy-keys.ts'
import { isDeviceName, isNetnsName, isPrintable, isSocketPath, isUnicastMac } from './texts.ts'
import { whole, word } from './word.ts'

const text = (expected: string, holds: (value: string) => boolean) =>
  z.string(expected).refine(holds, expected)

const list = <T extends z.ZodType>(item: T) => z.array(item, 'a list').default([])

const mapping = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, 'a mapping')

const address = text('an IPv4 address, or one of IPv6 as RFC 5952 writes it', isAddress)
const cidr = text('an address with a prefix length, like 192.0.2.1/24 or 2001:db8::1/64', isCidr)
const network = text(
  'a network, like 192.0.2.0/24 or 2001:db8::/64, or default',
  value => value === 'default' || isCidr(value),
)
const port = whole(1, 65_535)
const seconds = whole(1, SECONDS_MAX)
const A_PERCENTAGE = 'a percentage 0%-100%, like 0.5%'
/** A bare number would leave open whether 1 is one percent or all; only 0 needs no sign. */
const percentage = z.union(
  [
    z.literal(0, A_PERCENTAGE),
    z.string(A_PERCENTAGE).regex(/^(100(\.0+)?|\d{1,2}(\.\d+)?)%$/, A_PERCENTAGE),
  ],
  A_PERCENTAGE,
)
const percent = percentage.default(0)

/** What an arm's device is: a TAP of ours, or a NIC that is there. */
export const ARM_KINDS = ['tap', 'nic'] as const

const isLoopback = (value: string) => (isIPv4(value) && value.startsWith('127.')) || value === '::1'
/** What a header can carry (RFC 6750), and nobody guesses. */
export const isToken = (value: string) => /^[\x21-\x7e]{16,256}$/.test(value)
const mac = text('a unicast MAC address, like 02:74:76:00:00:01', isUnicastMac)

const arm = mapping({
  name: text('a device name of 1-15 bytes', isDeviceName),
  kind: word(ARM_KINDS),
  netns: text('the name of a network namespace', isNetnsName).optional(),
  mac: mac.optional(),
  mtu: whole(576, 9000).optional(),
  vlan: mapping({
    arm: text('the name of another arm', isDeviceName),
    id: whole(1, 4094),
  }).optional(),
  addresses: list(cidr),
  local_addresses: list(address),
  routes: list(mapping({ to: network, via: address.optional() })),
  neighbours: list(mapping({ address, mac })),
  impair: mapping({
    loss: percent,
    duplicate: percent,
    reorder: percent,
    corrupt: percent,
    seed: whole(0, 2_147_483_647).default(0),
  }).prefault({}),
})

const isFilePath = (value: string) =>
  value.startsWith('/') && isPrintable(value) && !value.endsWith('/')
const filePath = text('an absolute path', isFilePath)

const service = mapping({
  address,
  port,
  protocol: protocol.default(DEFAULT_PROTOCOL),
  scheduler: scheduler.default(DEFAULT_SCHEDULER),
  hash_fallback: z.boolean('true or false').default(false),
  hash_port: z.boolean('true or false').default(false),
  hash_target: word(HASH_TARGETS),
  scheduler_module: filePath.optional(),
  local_addresses: z.array(address, 'a list').optional(),
  conn_timeout: seconds.optional(),
  persistence: seconds.optional(),
  persistence_prefix: whole(1, 128).optional(),
  when_down: word(WHEN_DOWN),
  one_packet: z.boolean('true or false').default(false),
  quic: z.boolean('true or false').default(false),
  proxy_protocol: word(PROXY_PROTOCOLS),
  ...synProxyService,
  ...aclSchema,
  check: checkSchema.prefault({}),
  passive: passiveSchema.optional(),
  real_servers: list(
    mapping({
      address,
      port: port.optional(),
      weight: whole(0, WEIGHT_MAX).default(1),
      upper_threshold: whole(0, THRESHOLD_MAX).default(0),
      lower_threshold: whole(0, THRESHOLD_MAX).default(0),
      backup: z.boolean('true or false').default(false),
      forwarding: word(FORWARDINGS),
    }),
  ),
})

/** A key for each state, in the order of the engine's. */
const timeouts = mapping(
  Object.fromEntries(
    STATE_KEYS.map((key, state) => [key, seconds.default(DEFAULT_TIMEOUTS[state] as number)]),
  ) as Record<StateKey, z.ZodDefault<typeof seconds>>,
)

const logLevel = z.enum(LOG_LEVELS, oneOf(LOG_LEVELS))
const moduleLevels = Object.fromEntries(
  MODULES.map(module => [module, logLevel.optional()]),
) as Record<Module, z.ZodOptional<typeof logLevel>>
/** Anything less would be renamed at every line. */
const SIZE_MIN = 4096
const A_SIZE = 'a size of 4096 bytes or more, like 10M'
const size = z
  .union([z.int(A_SIZE), z.string(A_SIZE).regex(/^\d+[KMG]?$/, A_SIZE)], A_SIZE)
  .refine(value => bytesOf(value) >= SIZE_MIN && bytesOf(value) <= 2 ** 40, A_SIZE)
  .default('10M')
/** Room for what one batch brings, several times over. */
const HISTORY_MIN = 2 ** 24
const A_HISTORY = 'a size 16M-1024G, like 1G'
const historySize = z
  .union([z.int(A_HISTORY), z.string(A_HISTORY).regex(/^\d+[KMG]?$/, A_HISTORY)], A_HISTORY)
  .refine(value => bytesOf(value) >= HISTORY_MIN && bytesOf(value) <= 2 ** 40, A_HISTORY)
  .default('1G')
/** No window is larger than 65,535 scaled by 14 bits (RFC 7323 2.3). */
const A_WINDOW = 'a size 64K-1G, like 32M'
const windowSize = z
  .union([z.int(A_WINDOW), z.string(A_WINDOW).regex(/^\d+[KMG]?$/, A_WINDOW)], A_WINDOW)
  .refine(value => bytesOf(value) >= 2 ** 16 && bytesOf(value) <= 2 ** 30, A_WINDOW)
  .default('32M')
/** So that at least some hundred frames of 64 KiB fit. */
const RING_MIN = 2 ** 20
const A_RING = 'a size 1M-1G, like 8M'
const ringSize = z
  .union([z.int(A_RING), z.string(A_RING).regex(/^\d+[KMG]?$/, A_RING)], A_RING)
  .refine(value => bytesOf(value) >= RING_MIN && bytesOf(value) <= 2 ** 30, A_RING)
  .default('8M')
/** What can be a reason for a dump of the recorder. */
const keep = whole(0, 1000).default(5)
const isLogPath = (value: string) => value === '-' || isFilePath(value)

/** 10M and the like in bytes; K, M and G are powers of 1024. */
export function bytesOf(size: number | string): number {
  const [, number, unit = ''] = /^(\d+)([KMG]?)$/.exec(String(size)) ?? []
  return Number(number) * 1024 ** ' KMG'.indexOf(unit || ' ')
}

const token = {
  token_file: text('the absolute path of a file', value => value.startsWith('/')).optional(),
  token: text('a token of 16-256 characters without blanks', isToken).optional(),
}

/** Who has the token may do anything, so it never goes over a wire. */
const http = mapping({
  address: text('a loopback address: 127.0.0.1 or ::1', isLoopback).default('127.0.0.1'),
  port,
  ...token,
}).refine(
  ({ token_file, token }) => (token_file === undefined) !== (token === undefined),
  'either token_file or token',
)

const ui = mapping({
  port: whole(0, 65_535).default(UI_PORT),
  scope: word(['view', 'full']),
  ...token,
}).refine(
  ({ token_file, token }) => token_file === undefined || token === undefined,
  'token_file or token, not both',
)

export const fileSchema = z.strictObject(
  {
    arms: z.array(arm, 'a list'),
    services: list(service),
    snat: list(snatSchema),
    ipsets: list(ipsetSchema),
    workers: mapping({
      count: whole(1, 32).default(1),
      steering: word(['bpf', 'handover']),
    }).prefault({}),
    connections: mapping({
      table_size: whole(16, 16_777_216).default(262_144),
      make_room: z.boolean('true or false').default(true),
      client_share: percentage.default('50%'),
    }).prefault({}),
    tcp: mapping({
      toa: word(['seed', 'master', 'off']),
      bare_ack: word(['drop', 'rst']),
      reuse: word(['new', 'keep']),
      strict: word(['on', 'off']),
      window_most: windowSize,
      xmit_ttl: z.boolean('true or false').default(false),
      timeouts: timeouts.prefault({}),
      syn_proxy: synProxySchema.prefault({}),
    }).prefault({}),
    udp: mapping({
      uoa: word(['off', 'opp', 'ipo']),
      uoa_max_trail: whole(0, UOA_TRAIL_MAX).default(3),
      timeouts: mapping({
        oneway: seconds.default(UDP_TIMEOUTS[UdpState.ONEWAY]),
        normal: seconds.default(UDP_TIMEOUTS[UdpState.NORMAL]),
      }).prefault({}),
    }).prefault({}),
    neighbours: mapping({
      timeout: whole(1, 3600).default(60),
      unres_queue_length: whole(16, 8192).default(128),
    }).prefault({}),
    fragments: mapping({
      datagrams: whole(0, 64).default(64),
      timeout: whole(1, 60).default(2),
    }).prefault({}),
    log: mapping({
      level: logLevel.default('info'),
      timestamps: z.union([z.boolean(), z.literal('auto')], 'true, false or auto').default('auto'),
      format: word(['text', 'json']),
      modules: mapping(moduleLevels).prefault({}),
      rate: mapping({
        debug: whole(0, 1_000_000).default(1000),
        kind: whole(0, 1_000_000).default(50),
      }).prefault({}),
      file: mapping({ path: filePath, max_size: size, keep }).optional(),
      sessions: mapping({
        path: text('an absolute path, or - for the log itself', isLogPath),
        max_size: size,
        keep,
      }).optional(),
    }).prefault({}),
    history: mapping({
      connections: whole(0, 16_777_216).default(0),
      file: filePath.optional(),
      keep: whole(1, 3650).default(30),
      size: historySize,
    }).prefault({}),
    capture: mapping({
      ring: z.boolean('true or false').default(false),
      size: ringSize,
      snaplen: whole(64, 65_535).default(160),
      dump: mapping({
        path: filePath,
        on: z
          .array(z.enum(COUNTED, 'a drop or event that `tapvs counters` counts'), 'a list')
          .default(['rst_on_expiry', 'lport_exhausted', 'conn_table_full']),
        keep: whole(1, 1000).default(10),
      }).optional(),
    }).prefault({}),
    control: mapping({
      socket: text('an absolute path of at most 107 bytes', isSocketPath).default(DEFAULT_SOCKET),
      drain: whole(0, 86_400).default(0),
      http: http.optional(),
      ui: ui.optional(),
    }).prefault({}),
  },
  'a mapping with at least `arms`, like config/lab.yaml',
)

/** A config file that passed the schema, defaults filled in. */
export type ConfigFile = z.output<typeof fileSchema>

/** JSON Schema of the file, for editors. */
export const configSchema = z.toJSONSchema(fileSchema, { io: 'input' })
