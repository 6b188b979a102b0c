/** What every verb gets: the service's parts, and who is asking. */
import type { CommandBus } from '../cluster/commands.ts';
import type { Database, Db } from '../db/client.ts';
import type { Origin } from '../events/record.ts';
import type { EventStream } from '../events/stream.ts';
import type { QueueSignals } from '../queue/signals.ts';
import type { Clock } from '../utils/clock.ts';
import type { Config } from '../utils/config-types.ts';
import type { SecretBox } from '../utils/crypto.ts';
import type { Outgoing } from '../utils/guarded-fetch.ts';
import type { Logger } from '../utils/logger.ts';
import type { FileStorage } from '../utils/storage/storage.ts';
import type { Credentials } from './auth/credentials.ts';
import type { Background } from './background.ts';
import type { IdempotencyClaim } from './idempotency.ts';
import type { MediaTools } from './media/tools.ts';
import type { LinkScope } from './signed-links.ts';

/** Built once by main (or by a test) and shared by every request. */
export interface Deps {
  config: Config;
  database: Database;
  db: Db;
  clock: Clock;
  logger: Logger;
  secrets: SecretBox;
  stream: EventStream;
  signals: QueueSignals;
  commands: CommandBus;
  /** where the bytes of files lie, for all processes */
  storage: FileStorage;
  /** looks into files, in processes of its own */
  mediaTools: MediaTools;
  /** HTTP to the outside: URLs that clients name are guarded */
  outgoing: Outgoing;
  /** who a token or a key belongs to; verbs that change users or keys tell it to forget */
  credentials: Credentials;
  /** what goes on after its request was answered: imports, deleting of long lists */
  background: Background;
  /** set by main; what `/health/ready` answers */
  lifecycle: { phase: 'starting' | 'ready' | 'stopping' };
}

export type Role = 'admin' | 'user' | 'readonly';

/** Who is asking. A JWT may do everything its role may; a key is bound by its scopes and, if set, one session. */
export interface Actor {
  userId: number;
  role: Role;
  via: 'jwt' | 'api_key' | 'cookie' | 'signed_link' | 'system' | 'anonymous';
  /** null: no bound besides the role */
  scopes: readonly string[] | null;
  /** null: every session of the tenant */
  sessionId: string | null;
  /** id of the key or null */
  keyId: string | null;
  /** of a signed link: what it is for */
  link?: LinkScope;
}

export interface Ctx extends Deps {
  actor: Actor;
  requestId: string;
  ip: string | null;
  userAgent: string | null;
  /** aborted when the caller has gone; missing where nobody waits */
  signal?: AbortSignal;
  /** the caller sent an Idempotency-Key: what creates something calls `claimIdempotency` in its transaction */
  idempotency?: IdempotencyClaim;
}

/** Who asks on a public route. */
export const ANONYMOUS: Actor = {
  userId: 0,
  role: 'readonly',
  via: 'anonymous',
  scopes: [],
  sessionId: null,
  keyId: null,
};

/** Who caused a fact, for `record`. */
export function originOf(ctx: Ctx): Origin {
  return { actorId: ctx.actor.userId, ip: ctx.ip, userAgent: ctx.userAgent, requestId: ctx.requestId };
}
