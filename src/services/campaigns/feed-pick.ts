/** Picks the next recipients in their order, without those who must not or cannot be written to now. */

import { and, asc, eq, gt, inArray, isNull, lte, ne, or, type SQL } from 'drizzle-orm';
import { affected } from '../../db/ops.ts';
import { campaignRecipients } from '../../db/schema.ts';
import { NEW_CONTACTS } from '../../queue/first-contacts.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { type Lookup, lookUpNumbers } from '../number-checks/lookup.ts';
import { lidKey } from '../opt-outs/ledger-keys.ts';
import { isOptedOut } from '../opt-outs/opted-out.ts';
import type { SendingSession } from './feed-state.ts';
import { findWays, NO_SENDER, type SenderFacts, type Way } from './pool-facts.ts';
import { type CampaignDeps, type CampaignRow, optionsOf } from './row.ts';
import { findWaitingStrangers, LOOK_AGAIN_MS } from './strangers.ts';
import { quietUntil } from './time-zones.ts';

/** Recipients looked at in one go. */
const SCAN_LIMIT = 100;
/** Numbers looked up in one query: a few ahead, so that a slow campaign asks now and then only. */
const LOOK_UP = 20;
/** A number that is asked for again waits up to this share longer, so that many do not stay in step. Our choice. */
const SILENT_JITTER = 0.25;

export interface Candidate {
  position: number;
  phone: string;
  name: string | null;
  fields: Record<string, string>;
  state: (typeof campaignRecipients.$inferSelect)['state'];
}

/** WhatsApp says nothing of numbers: of all that were asked for, or of one. */
export const NUMBER_CHECK = 'number_check';

/**
 * It is night where they live; the first contacts of the day are spent; none of several sessions can write to them; WhatsApp does
 * not say whether they are there.
 */
export type DeferReason = 'quiet' | typeof NEW_CONTACTS | typeof NO_SENDER | typeof NUMBER_CHECK;

export type Verdict =
  | { action: 'send'; recipient: Candidate; peer: string; lid: string | null; sender: SendingSession }
  | { action: 'skip'; recipient: Candidate; reason: string }
  | { action: 'defer'; recipient: Candidate; until: number; reason: DeferReason };

/** What the recipients are given to. */
export interface Source {
  /** the session that looks numbers up, and that writes where it is the only one */
  asker: SendingSession;
  /** of several sessions; null: there is one */
  facts: readonly SenderFacts[] | null;
  /** whether numbers that WhatsApp has said nothing of may be asked for again now */
  asksSilent: boolean;
  /** between 0 and 1 */
  random: () => number;
}

export interface Picked {
  /** `deferred`: recipients whose quiet hours, or whose wait for room, are over */
  source: 'pending' | 'deferred';
  verdicts: Verdict[];
  /** the last position that was judged; the feed position after this */
  through: number;
  /** no recipient was left to look at */
  exhausted: boolean;
  /** they are numbers that WhatsApp has said nothing of */
  silent: boolean;
}

/**
 * Judges the next recipients until `want` of them can be sent to; with 0 nobody is looked up, and it ends before the first
 * who would be. `sendAt`: when their messages may leave, which is what counts for quiet hours. Throws UNAVAILABLE when
 * WhatsApp does not answer.
 */
export async function pickNext(
  deps: CampaignDeps,
  campaign: CampaignRow,
  from: Source,
  want: number,
  sendAt: number,
): Promise<Picked> {
  const now = deps.clock.now();
  const { source, rows, silent } = await readNext(deps, campaign, from.asksSilent);
  const verdicts: Verdict[] = [];
  let through = campaign.feedPosition;
  const judge = await prepareJudge(deps, campaign, from, rows, {
    lookUp: want === 0 ? 0 : Math.max(want, LOOK_UP),
    sendAt: Math.max(now, sendAt),
  });
  let sends = 0;
  for (const recipient of rows) {
    const verdict = judge(recipient);
    if (verdict === 'unknown' || (verdict?.action === 'send' && sends >= want)) break;
    if (verdict?.action === 'send') sends++;
    if (verdict) verdicts.push(verdict);
    if (source === 'pending') through = recipient.position;
  }
  return { source, verdicts, through, exhausted: rows.length === 0, silent };
}

type Next = Pick<Picked, 'source' | 'silent'> & { rows: Candidate[] };

/** Whose waiting is over, then the next ones, and some that WhatsApp has said nothing of when nobody else is left. */
async function readNext(deps: CampaignDeps, campaign: CampaignRow, asksSilent: boolean): Promise<Next> {
  const deferred = await readDeferred(deps, campaign.id, isOther, SCAN_LIMIT);
  if (deferred.length > 0) return { source: 'deferred', rows: deferred, silent: false };
  const pending = await readPending(deps, campaign);
  if (pending.length > 0 || !asksSilent) return { source: 'pending', rows: pending, silent: false };
  const silent = await readDeferred(deps, campaign.id, isSilent, LOOK_UP);
  return { source: 'deferred', rows: silent, silent: silent.length > 0 };
}

const columns = {
  position: campaignRecipients.position,
  phone: campaignRecipients.phone,
  name: campaignRecipients.name,
  fields: campaignRecipients.fields,
  state: campaignRecipients.state,
};

function readPending({ db }: CampaignDeps, campaign: CampaignRow): Promise<Candidate[]> {
  return db
    .select(columns)
    .from(campaignRecipients)
    .where(
      and(
        eq(campaignRecipients.campaignId, campaign.id),
        gt(campaignRecipients.position, campaign.feedPosition),
      ),
    )
    .orderBy(asc(campaignRecipients.position))
    .limit(SCAN_LIMIT);
}

const isSilent = eq(campaignRecipients.reason, NUMBER_CHECK);
const isOther = or(isNull(campaignRecipients.reason), ne(campaignRecipients.reason, NUMBER_CHECK));

function readDeferred(
  { db, clock }: CampaignDeps,
  campaignId: string,
  which: SQL | undefined,
  limit: number,
): Promise<Candidate[]> {
  return db
    .select(columns)
    .from(campaignRecipients)
    .where(
      and(
        eq(campaignRecipients.campaignId, campaignId),
        eq(campaignRecipients.state, 'deferred'),
        lte(campaignRecipients.dueAt, clock.now()),
        which,
      ),
    )
    .orderBy(asc(campaignRecipients.dueAt))
    .limit(limit);
}

/** Who is to be looked at again first, and why they wait; null when none is deferred. */
export async function nextDeferred(
  { db }: CampaignDeps,
  campaignId: string,
): Promise<{ dueAt: number | null; reason: string | null } | null> {
  const [row] = await db
    .select({ dueAt: campaignRecipients.dueAt, reason: campaignRecipients.reason })
    .from(campaignRecipients)
    .where(and(eq(campaignRecipients.campaignId, campaignId), eq(campaignRecipients.state, 'deferred')))
    .orderBy(asc(campaignRecipients.dueAt))
    .limit(1);
  return row ?? null;
}

/** Whether somebody is deferred for another reason than that WhatsApp says nothing of the number. */
export async function areOthersDeferred({ db }: CampaignDeps, campaignId: string): Promise<boolean> {
  const { campaignId: campaign, state, position } = campaignRecipients;
  const rows = await db
    .select({ position })
    .from(campaignRecipients)
    .where(and(eq(campaign, campaignId), eq(state, 'deferred'), isOther))
    .limit(1);
  return rows.length > 0;
}

/** Lets some of those be judged at once who wait for long because no session could write to them; how many. */
export async function bringForward({ db, clock }: CampaignDeps, campaignId: string): Promise<number> {
  const now = clock.now();
  const { position, state, reason, dueAt } = campaignRecipients;
  const waiting = and(
    eq(campaignRecipients.campaignId, campaignId),
    eq(state, 'deferred'),
    // Who was judged lately waits the least time that there is.
    gt(dueAt, now + LOOK_AGAIN_MS),
    inArray(reason, [NO_SENDER, NEW_CONTACTS]),
  );
  const rows = await db
    .select({ position })
    .from(campaignRecipients)
    .where(waiting)
    .orderBy(asc(dueAt))
    .limit(SCAN_LIMIT);
  if (rows.length === 0) return 0;
  const positions = rows.map((row) => row.position);
  return affected(
    await db
      .update(campaignRecipients)
      .set({ dueAt: now })
      .where(and(waiting, inArray(position, positions))),
  );
}

/** Null: judged long ago. `unknown`: beyond what was looked up. */
type Judge = (recipient: Candidate) => Verdict | null | 'unknown';

async function prepareJudge(
  deps: CampaignDeps,
  campaign: CampaignRow,
  from: Source,
  rows: readonly Candidate[],
  { lookUp, sendAt }: { lookUp: number; sendAt: number },
): Promise<Judge> {
  const { quietHours, checkNumbers = true } = optionsOf(campaign);
  const phones = rows.map(({ phone }) => phone);
  const optedOut = await isOptedOut(deps.db, campaign.userId, phones);
  const quiet = new Map<string, number>();
  for (const phone of phones) {
    const until = quietHours ? quietUntil(phone, quietHours, sendAt) : null;
    if (until !== null) quiet.set(phone, until);
  }
  const awake = rows
    .filter(({ phone, state }) => state !== 'skipped' && !optedOut.has(phone) && !quiet.has(phone))
    .map(({ phone }) => phone);
  // Before anybody is looked up at WhatsApp: who must wait is not asked for either.
  const ways = await waysOf(deps, campaign, from, awake, lookUp);
  const reachable = awake.filter((phone) => 'to' in (ways.get(phone) ?? {})).slice(0, lookUp);
  const asker = { accountId: from.asker.id, userId: campaign.userId };
  const known = checkNumbers ? await lookUpNumbers(deps, asker, reachable) : assumeThere(reachable);
  const lidsKnown = await knownLids(deps, campaign, reachable);
  const lidOf = (phone: string, to: SendingSession) => known.get(phone)?.lid ?? lidsKnown(to.id, phone);
  // The directory may just have told whose LID somebody is that opted out under it.
  const lids = reachable.flatMap((phone) => {
    const way = ways.get(phone);
    const lid = way !== undefined && 'to' in way ? lidOf(phone, way.to) : null;
    return lid === null ? [] : [lidKey(lid)];
  });
  const lidsOut = await isOptedOut(deps.db, campaign.userId, lids);
  return (recipient) => {
    const { phone, state } = recipient;
    if (state === 'skipped' || state === 'queued') return null;
    if (optedOut.has(phone)) return { action: 'skip', recipient, reason: 'opted_out' };
    const until = quiet.get(phone);
    if (until !== undefined) return { action: 'defer', recipient, until, reason: 'quiet' };
    const way = ways.get(phone);
    if (way === undefined) return 'unknown';
    if ('until' in way) return { action: 'defer', recipient, ...way };
    const found = known.get(phone);
    if (!found) return 'unknown';
    const lid = lidOf(phone, way.to);
    if (lid !== null && lidsOut.has(lidKey(lid))) return { action: 'skip', recipient, reason: 'opted_out' };
    if (found.exists === null)
      return withoutAnswer(recipient, found.againAt, deps.clock.now(), from.random());
    if (!found.exists) return { action: 'skip', recipient, reason: 'not_on_whatsapp' };
    return { action: 'send', recipient, peer: found.jid ?? phoneJid(phone), lid, sender: way.to };
  };
}

/** That WhatsApp says nothing of a number is no reason to leave its owner out, until it has said nothing for over an hour. */
function withoutAnswer(
  recipient: Candidate,
  againAt: number | undefined,
  now: number,
  random: number,
): Verdict {
  if (againAt === undefined) return { action: 'skip', recipient, reason: 'no_answer' };
  const until = againAt + Math.round((againAt - now) * SILENT_JITTER * random);
  return { action: 'defer', recipient, until, reason: NUMBER_CHECK };
}

/** Who may write to each of these phones now; of several sessions for `atMost` of them. */
async function waysOf(
  deps: CampaignDeps,
  campaign: CampaignRow,
  { asker, facts }: Source,
  phones: readonly string[],
  atMost: number,
): Promise<Map<string, Way>> {
  if (facts !== null) return findWays(deps, facts, phones.slice(0, atMost));
  const strangers = await findWaitingStrangers(deps, campaign, asker, phones);
  return new Map(
    phones.map((phone): [string, Way] => {
      const until = strangers.get(phone);
      return [phone, until === undefined ? { to: asker } : { until, reason: NEW_CONTACTS }];
    }),
  );
}

const assumeThere = (phones: readonly string[]): Map<string, Lookup> =>
  new Map(phones.map((phone) => [phone, { exists: true, jid: null, lid: null }]));

/** The LID under which a session knows a phone, or else another session of the workspace: it is the person's for all. */
async function knownLids(
  deps: CampaignDeps,
  campaign: CampaignRow,
  phones: readonly string[],
): Promise<(accountId: string, phone: string) => string | null> {
  const lids = new Map<string, string>();
  const owner = { userId: campaign.userId };
  for (const { accountId, phone, lid } of await findLidPairs(deps.db, owner, 'phone', phones)) {
    lids.set(`${accountId} ${phone}`, lid);
    lids.set(phone, lids.get(phone) ?? lid);
  }
  return (accountId, phone) => lids.get(`${accountId} ${phone}`) ?? lids.get(phone) ?? null;
}
