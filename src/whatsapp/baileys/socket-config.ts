/** How a Baileys socket is set up. Everything that depends on the session comes from the caller. */

import { readFileSync } from 'node:fs';
import type { Agent as HttpAgent } from 'node:http';
import { Agent, globalAgent } from 'node:https';
import {
  Browsers,
  DEFAULT_CONNECTION_CONFIG,
  type SocketConfig,
  type UserFacingSocketConfig,
  type WABrowserDescription,
  type WAVersion,
} from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { Logger } from '../../utils/logger.ts';
import type { Egress } from '../../utils/proxy/egress.ts';
import { createCache } from './caches.ts';
import { isIgnoredJid } from './inbound.ts';
import { directDispatcher, mediaConnectionFor } from './media-connection.ts';
import { createQuietLogger } from './quiet-logger.ts';
import { stoppable } from './upload-scope.ts';

/** rc14's own bound of 60 s holds a send, and with it the session's lock, for too long. */
const QUERY_TIMEOUT_MS = 20_000;
const KEEP_ALIVE_MS = 30_000;

export interface SocketSettings {
  logger: Logger;
  version: WAVersion;
  browser: WABrowserDescription | undefined;
  waServer: WaServer | null;
  /** null: directly */
  egress: Egress | null;
  connectTimeoutMs: number;
  qrTimeoutMs: number | undefined;
}

/** Another server than WhatsApp's own. */
export interface WaServer {
  url: string;
  /** hex of the certificate root; null: WhatsApp's */
  rootKey: string | null;
  /** PEM file for `wss://` */
  caFile: string | null;
}

/** The parts that know the session. */
export type SessionParts = Pick<
  SocketConfig,
  'auth' | 'getMessage' | 'cachedGroupMetadata' | 'makeSignalRepository' | 'userDevicesCache'
>;

/**
 * Caches belong to one socket: people get other devices while there is none. `onFailedResend` gets what Baileys logs of it.
 */
export function makeSocketConfig(
  settings: SocketSettings,
  parts: SessionParts,
  onFailedResend?: (facts: unknown) => void,
): UserFacingSocketConfig {
  const { waServer } = settings;
  return {
    ...parts,
    version: settings.version,
    browser: settings.browser ?? Browsers.macOS('Chrome'),
    logger: createQuietLogger(settings.logger, onFailedResend),
    waWebSocketUrl: waServer?.url ?? DEFAULT_CONNECTION_CONFIG.waWebSocketUrl,
    ...connectionOptions(settings),
    // The link watches over that itself. rc14 would set a timer, and take two stacks, for each stanza it sends.
    connectTimeoutMs: 0,
    defaultQueryTimeoutMs: QUERY_TIMEOUT_MS,
    keepAliveIntervalMs: KEEP_ALIVE_MS,
    ...(settings.qrTimeoutMs === undefined ? {} : { qrTimeout: settings.qrTimeoutMs }),
    emitOwnEvents: false,
    markOnlineOnConnect: false,
    syncFullHistory: false,
    // It would unpack and decode each piece in one go, whatever its size: history.ts reads them.
    shouldSyncHistoryMessage: () => false,
    generateHighQualityLinkPreview: false,
    shouldIgnoreJid: isIgnoredJid,
    // Our store tries again by itself.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    msgRetryCounterCache: createCache({ max: 1_000, ttlMs: 60 * MINUTE_MS }),
    callOfferCache: createCache({ max: 50, ttlMs: 5 * MINUTE_MS }),
    placeholderResendCache: createCache({ max: 200, ttlMs: 60 * MINUTE_MS }),
  };
}

type ConnectionOptions = Pick<UserFacingSocketConfig, 'agent' | 'fetchAgent' | 'options'>;

/** `agent` is for the WebSocket, `fetchAgent` for uploads, the dispatcher for whatever Baileys fetches. */
function connectionOptions({ waServer, egress }: SocketSettings): ConnectionOptions {
  const isPlain = waServer?.url.startsWith('ws:') ?? false;
  const fetchAgent = uploadAgentFor({ waServer, egress });
  if (egress) {
    return {
      agent: asHttpsAgent(isPlain ? egress.plainAgent : egress.agent),
      fetchAgent,
      options: withDispatcher({ dispatcher: egress.dispatcher }),
    };
  }
  if (!waServer?.caFile) {
    return { fetchAgent, options: withDispatcher({ dispatcher: directDispatcher() }) };
  }
  const { dispatcher } = mediaConnectionFor(waServer.caFile);
  return {
    ...(isPlain ? {} : { agent: agentFor(waServer.caFile) }),
    fetchAgent,
    options: withDispatcher({ dispatcher }),
  };
}

/** What the uploads of a session go by: its proxy, where it has one. They end as `untilStopped` says. */
export function uploadAgentFor({ waServer, egress }: Pick<SocketSettings, 'waServer' | 'egress'>): Agent {
  if (egress) return stoppable(egress.agent);
  return stoppable(waServer?.caFile ? mediaConnectionFor(waServer.caFile).agent : globalAgent);
}

/** Safe because `ws` takes an agent of the protocol that its URL has, which Baileys' type does not know. */
function asHttpsAgent(agent: HttpAgent): Agent {
  return agent as Agent;
}

/** Safe because fetch takes a dispatcher, which only its types in the DOM library do not know. */
function withDispatcher(options: object): RequestInit {
  return options;
}

const agents = new Map<string, Agent>();

function agentFor(caFile: string): Agent {
  let agent = agents.get(caFile);
  if (!agent) {
    agent = new Agent({ ca: readFileSync(caFile) });
    agents.set(caFile, agent);
  }
  return agent;
}
