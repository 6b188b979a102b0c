/** Where and how a webhook is reached: one that a tenant made, or the one of the whole service. */
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.ts';
import { webhooks } from '../../db/schema.ts';
import { DEFAULT_WEBHOOK_ID } from '../../events/outbox.ts';
import type { Config } from '../../utils/config.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import { AppError } from '../../utils/errors.ts';
import { HttpFailure, type Outgoing } from '../../utils/guarded-fetch.ts';
import { keptAnswer } from './answer.ts';
import { type KeptBody, secretsOfHeader, shownHeaders } from './exchange.ts';
import { openHeaders } from './headers.ts';
import { formerSecrets, openWebhookSecret, signatureHeaders } from './signature.ts';

export interface Endpoint {
  id: string;
  url: string;
  active: boolean;
  /** those that sign now, the current one first */
  secrets: string[];
  /** those that its owner wants on every request */
  headers: Record<string, string>;
  /** wants what was sent in `message.sent` */
  messageContent: boolean;
  /** an operator configured it: any address is fine */
  trusted: boolean;
}

export interface EndpointDeps {
  db: Db;
  config: Pick<Config, 'webhook'>;
  secrets: SecretBox;
}

/** The secrets of a webhook were sealed with a key that is not there. */
export class UnreadableEndpoint extends Error {
  override name = 'UnreadableEndpoint';
}

/** Null: there is no such webhook (any more). Throws UnreadableEndpoint. */
export async function readEndpoint(deps: EndpointDeps, id: string, now: number): Promise<Endpoint | null> {
  if (id === DEFAULT_WEBHOOK_ID) return defaultEndpoint(deps.config);
  const [row] = await deps.db.select().from(webhooks).where(eq(webhooks.id, id));
  if (!row) return null;
  try {
    return {
      id,
      url: row.url,
      active: row.status === 'active',
      secrets: [
        openWebhookSecret(deps.secrets, id, row.secret),
        ...formerSecrets(deps.secrets, row, now).map(({ secret }) => secret),
      ],
      headers: openHeaders(deps.secrets, id, row.headers),
      messageContent: row.messageContent,
      trusted: false,
    };
  } catch (cause) {
    throw new UnreadableEndpoint(`the secrets of webhook ${id} cannot be opened`, { cause });
  }
}

/** The webhook of the whole service (`WEBHOOK_BASE_URL`); null when none is configured. */
function defaultEndpoint({ webhook }: Pick<Config, 'webhook'>): Endpoint | null {
  if (webhook === null) return null;
  const secrets = webhook.secret === null ? [] : [webhook.secret];
  return {
    id: DEFAULT_WEBHOOK_ID,
    url: webhook.baseUrl,
    active: true,
    secrets,
    headers: {},
    messageContent: false,
    trusted: true,
  };
}

/** How one attempt went. `ok`: the receiver has it. */
export interface Attempt {
  ok: boolean;
  /** null: no answer came */
  status: number | null;
  /** a sentence without addresses or bodies; null when it went well */
  error: string | null;
  /** trying again cannot help (soon): the receiver refused it, or its URL is refused */
  refused: boolean;
  retryAfter: string | null;
  durationMs: number;
  /** what was sent, without values that are secret */
  headers: Record<string, string>;
  /** at most 4,096 bytes of the answer, without secrets and contents of messages that it repeats */
  answer: string;
}

/** POSTs one event and says how it went. Throws nothing but what is a bug. */
export async function postEvent(
  deps: { outgoing: Outgoing; now: () => number; timeoutMs: number; signal?: AbortSignal },
  endpoint: Endpoint,
  event: { id: string; body: string; kept: KeptBody },
): Promise<Attempt> {
  const http = endpoint.trusted ? deps.outgoing.trusted : deps.outgoing.hooks;
  const startedAt = performance.now();
  const signed = signatureHeaders(endpoint.secrets, { ...event, at: deps.now() });
  const sent = { ...endpoint.headers, ...signed };
  const told = () => ({
    headers: shownHeaders(sent, endpoint.headers),
    durationMs: Math.round(performance.now() - startedAt),
  });
  try {
    const { status, retryAfter, bodyExcerpt } = await http.post(endpoint.url, {
      headers: sent,
      body: event.body,
      timeoutMs: deps.timeoutMs,
      ...(deps.signal ? { signal: deps.signal } : {}),
    });
    const ok = status >= 200 && status < 300;
    const error = ok ? null : `The receiver answered with status ${status}.`;
    const answer = keptAnswer(bodyExcerpt, hiddenOf(endpoint, event.kept));
    return { ok, status, error, refused: isRefusal(status), retryAfter, answer, ...told() };
  } catch (error) {
    const refused = error instanceof AppError && error.code === 'URL_REFUSED';
    if (!refused && !(error instanceof HttpFailure)) throw error;
    const { message } = error;
    return { ok: false, status: null, error: message, refused, retryAfter: null, answer: '', ...told() };
  }
}

/** What an answer may repeat and the log may not. Null: too much to look for. */
function hiddenOf({ secrets, headers }: Endpoint, { hidden }: KeptBody): string[] | null {
  if (hidden === null) return null;
  const bare = secrets.map((secret) => secret.replace(/^whsec_/, ''));
  return [...secrets, ...bare, ...Object.values(headers).flatMap(secretsOfHeader), ...hidden];
}

/** Redirects are not followed (a POST would lose its body or its receiver); 408 and 429 ask to come again. */
function isRefusal(status: number): boolean {
  return status >= 300 && status < 500 && status !== 408 && status !== 429;
}
