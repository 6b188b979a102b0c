/** The context of every verb: the service's parts, and the caller. */

import type { CommandBus } from '../cluster/commands.ts';
import type { Database, Db } from '../db/client.ts';
import type { Origin } from '../events/record.ts';
import type { EventStream } from '../events/stream.ts';
import type { Allowances } from '../queue/allowances.ts';
import type { QueueCounts } from '../queue/counts.ts';
import type { Enqueuer } from '../queue/enqueue.ts';
import type { QueueSignals } from '../queue/signals.ts';
import type { PeerBook } from '../queue/subscriber-peers.ts';
import type { Clock } from '../utils/clock.ts';
import type { Config } from '../utils/config.ts';
import type { SecretBox } from '../utils/crypto.ts';
import type { LookUpTxt } from '../utils/dns-txt.ts';
import type { Outgoing } from '../utils/guarded-fetch.ts';
import type { ConnectRules } from '../utils/guarded-http/connector.ts';
import type { Logger } from '../utils/logger.ts';
import type { LoopShare } from '../utils/loop-share.ts';
import type { PeerPause } from '../utils/peer-pause.ts';
import type { QuietWarnings } from '../utils/quiet-warnings.ts';
import type { Mailer } from '../utils/smtp.ts';
import type { FileStorage } from '../utils/storage/storage.ts';
import type { LidBook } from '../whatsapp/lids.ts';
import type { StatisticsCaches } from './analytics/caches.ts';
import type { RequestRecorder } from './analytics/request-recorder.ts';
import type { Credentials } from './auth/credentials.ts';
import type { Background } from './background.ts';
import type { BoundSessions } from './bound.ts';
import type { HealthProbes } from './health.ts';
import type { IdempotencyClaim } from './idempotency.ts';
import type { MediaTools } from './media/tools.ts';
import type { PostableChannels } from './messages/channel.ts';
import type { SessionReadings } from './messages/session.ts';
import type { ServiceMetrics } from './metrics/index.ts';
import type { OidcProviders } from './oidc/providers.ts';
import type { CheckSteps } from './otp/check-steps.ts';
import type { Outcomes } from './outcomes.ts';
import type { PeopleAnswers } from './people/answers.ts';
import type { WorkspaceRole } from './roles.ts';
import type { GroupLists } from './sessions/groups.ts';
import type { QrImages } from './sessions/qr-image.ts';
import type { LinkScope } from './signed-links.ts';

/** Built once by `buildDeps` and shared by every request. Whatever the process remembers between requests is here. */
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
  /** where people may sign in with an account of another service */
  oidc: OidcProviders;
  /** sends mails; null where the service sends none */
  mailer: Mailer | null;
  /** whether Telegram answers alerts */
  telegram: PeerPause;
  /** TXT records, which prove whose a domain is */
  lookUpTxt: LookUpTxt;
  /** how proxies that clients name may be reached */
  proxyRules: ConnectRules;
  /** who a token or a key belongs to; verbs that change users or keys tell it to forget */
  credentials: Credentials;
  /** what goes on after its request was answered: imports, deleting of long lists */
  background: Background;
  /** how much each workspace may, by its plan and by itself */
  allowances: Allowances;
  /** where this process counts what workspaces send */
  usageSlot: number;
  /** messages that share a transaction on their way into the queue */
  enqueuer: Enqueuer;
  /** how much waits, counted now and then */
  queueCounts: QueueCounts;
  /** who is whom, for the limits of recipients */
  peers: PeerBook;
  /** who waits for what becomes of a message */
  outcomes: Outcomes;
  /** the two writes of checking a code, shared by the checks of a moment */
  checkSteps: CheckSteps;
  /** calls of the API on their way into the activity log */
  requestRecorder: RequestRecorder;
  metrics: ServiceMetrics;
  /** what was counted for pages and statistics lately */
  statistics: StatisticsCaches;
  /** the last looks at whether rows and files can be kept */
  probes: HealthProbes;
  /** LIDs that this process has looked up */
  lids: LidBook;
  /** readings of sessions that requests of this moment share */
  sessionReadings: SessionReadings;
  /** what WhatsApp has answered about people lately */
  peopleAnswers: PeopleAnswers;
  /** groups of sessions that were listed lately */
  groupLists: GroupLists;
  /** channels that sessions could post to lately */
  postableChannels: PostableChannels;
  /** warnings that are logged once a minute */
  quietWarnings: QuietWarnings;
  /** QR codes that were drawn lately */
  qrImages: QrImages;
  /** whose turn it is on this process's event loop */
  loopShare: LoopShare;
  /** how many event streams are open here, by workspace */
  openStreams: Map<number, number>;
  /** set by main; what `/health/ready` answers */
  lifecycle: { phase: 'starting' | 'ready' | 'stopping' };
}

/** In the service as a whole: `admin` manages users, `readonly` changes nothing in any workspace. */
export type Role = 'admin' | 'user' | 'readonly';

/**
 * The caller, and its workspace. A JWT may do everything its roles may; a key is bound by its scopes and, if set,
 * to sessions.
 */
export interface Actor {
  /** the workspace: the tenant, `user_id` of every table */
  userId: number;
  /** users.id: who signed in, or who made the key; of a signed link the number of the workspace */
  personId: number;
  role: Role;
  /** what the person is in the workspace; `viewer` for whoever is `readonly` in the service */
  workspaceRole: WorkspaceRole;
  via: 'jwt' | 'api_key' | 'cookie' | 'signed_link' | 'system' | 'anonymous';
  /** null: bound by the role only */
  scopes: readonly string[] | null;
  /** null: every session of the tenant */
  sessionIds: BoundSessions;
  /** id of the key or null */
  keyId: string | null;
  /** the workspace is suspended, and what is told of it; missing: it is not */
  suspension?: { reason: string | null } | undefined;
  /** of a signed link: what it is for */
  link?: LinkScope;
  /** sign_ins.id of a token; missing for one of a release before */
  signInId?: string;
  /** of a token of a release before, which names no sign-in: epoch milliseconds */
  token?: { issuedAt: number; expiresAt: number };
  /** the workspace asks for a second factor and none was given: only the own account can be looked after */
  lacksFactor?: true;
}

export interface Ctx extends Deps {
  actor: Actor;
  requestId: string;
  ip: string | null;
  userAgent: string | null;
  /** aborted when the caller has gone; missing where no caller waits */
  signal?: AbortSignal;
  /** the caller sent an Idempotency-Key: what creates something calls `claimIdempotency` in its transaction */
  idempotency?: IdempotencyClaim;
}

/**
 * The same context, or a part of one, with these parts changed. A spread would lose what a request has from the service: a
 * copy of all parts for each request would cost more than most verbs.
 */
export function withParts<C extends object, P extends object>(ctx: C, changes: P): Omit<C, keyof P> & P {
  // Not by assigning: what is only read in the first one could not be set in this.
  return asChanged<Omit<C, keyof P> & P>(Object.create(ctx, Object.getOwnPropertyDescriptors(changes)));
}

/** Safe because the object inherits all that the first one has, except for what was changed. */
function asChanged<R>(object: unknown): R {
  return object as R;
}

/** The caller of a public route. */
export const ANONYMOUS: Actor = {
  userId: 0,
  personId: 0,
  role: 'readonly',
  workspaceRole: 'viewer',
  via: 'anonymous',
  scopes: [],
  sessionIds: null,
  keyId: null,
};

/** The origin of a fact, for `record`. */
export function originOf(ctx: Ctx): Origin {
  return { actorId: ctx.actor.personId, ip: ctx.ip, userAgent: ctx.userAgent, requestId: ctx.requestId };
}
