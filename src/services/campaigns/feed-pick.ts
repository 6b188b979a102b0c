/** Picks the next recipients in their order, without those who must not or cannot be written to now. */

import { and, asc, eq, gt, lte } from 'drizzle-orm';
import { campaignRecipients } from '../../db/schema.ts';
import { NEW_CONTACTS } from '../../queue/first-contacts.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { findLidPairs } from '../../whatsapp/lids.ts';
import { lidKey } from '../opt-outs/ledger-keys.ts';
import { isOptedOut } from '../opt-outs/opted-out.ts';
import type { SendingSession } from './feed-state.ts';
import { type Lookup, lookUpNumbers } from './number-lookup.ts';
import { type CampaignDeps, type CampaignRow, optionsOf } from './row.ts';
import { findWaitingStrangers } from './strangers.ts';
import { quietUntil } from './time-zones.ts';

/** Recipients looked at in one go. */
const SCAN_LIMIT = 100;
/** Numbers looked up in one query: a few ahead, so that a slow campaign asks now and then only. */
const LOOK_UP = 20;

export interface Candidate {
  position: number;
  phone: string;
  name: string | null;
  fields: Record<string, string>;
  state: (typeof campaignRecipients.$inferSelect)['state'];
}

/** It is night where they live; the first contacts of the day are spent. */
export type DeferReason = 'quiet' | typeof NEW_CONTACTS;

export type Verdict =
  | { action: 'send'; recipient: Candidate; peer: string; lid: string | null }
  | { action: 'skip'; recipient: Candidate; reason: string }
  | { action: 'defer'; recipient: Candidate; until: number; reason: DeferReason };

export interface Picked {
  /** `deferred`: recipients whose quiet hours, or whose wait for room, are over */
  source: 'pending' | 'deferred';
  verdicts: Verdict[];
  /** the last position that was judged; the feed position after this */
  through: number;
  /** no recipient was left to look at */
  exhausted: boolean;
}

/**
 * Judges the next recipients until `want` of them can be sent to. `sendAt`: when their messages may leave, which is what
 * counts for quiet hours. Throws UNAVAILABLE when WhatsApp does not answer.
 */
export async function pickNext(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
  want: number,
  sendAt: number,
): Promise<Picked> {
  const now = deps.clock.now();
  const deferred = await readDeferred(deps, campaign.id, now);
  const source = deferred.length > 0 ? 'deferred' : 'pending';
  const rows = deferred.length > 0 ? deferred : await readPending(deps, campaign);
  const verdicts: Verdict[] = [];
  let through = campaign.feedPosition;
  const judge = await prepareJudge(deps, campaign, sender, rows, {
    lookUp: Math.max(want, LOOK_UP),
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
  return { source, verdicts, through, exhausted: rows.length === 0 };
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

function readDeferred({ db }: CampaignDeps, campaignId: string, now: number): Promise<Candidate[]> {
  return db
    .select(columns)
    .from(campaignRecipients)
    .where(
      and(
        eq(campaignRecipients.campaignId, campaignId),
        eq(campaignRecipients.state, 'deferred'),
        lte(campaignRecipients.dueAt, now),
      ),
    )
    .orderBy(asc(campaignRecipients.dueAt))
    .limit(SCAN_LIMIT);
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

/** Null: judged long ago. `unknown`: beyond what was looked up. */
type Judge = (recipient: Candidate) => Verdict | null | 'unknown';

async function prepareJudge(
  deps: CampaignDeps,
  campaign: CampaignRow,
  sender: SendingSession,
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
  const strangers = await findWaitingStrangers(deps, campaign, sender, awake);
  const reachable = awake.filter((phone) => !strangers.has(phone)).slice(0, lookUp);
  const known = checkNumbers
    ? await lookUpNumbers(deps, campaign, reachable)
    : await assumeThere(deps, campaign.accountId, reachable);
  // The directory may just have told whose LID somebody is that opted out under it.
  const lids = [...known.values()].flatMap(({ lid }) => (lid === null ? [] : [lidKey(lid)]));
  const lidsOut = await isOptedOut(deps.db, campaign.userId, lids);
  return (recipient) => {
    const { phone, state } = recipient;
    if (state === 'skipped' || state === 'queued') return null;
    if (optedOut.has(phone)) return { action: 'skip', recipient, reason: 'opted_out' };
    const until = quiet.get(phone);
    if (until !== undefined) return { action: 'defer', recipient, until, reason: 'quiet' };
    const roomAt = strangers.get(phone);
    if (roomAt !== undefined) return { action: 'defer', recipient, until: roomAt, reason: NEW_CONTACTS };
    const found = known.get(phone);
    if (!found) return 'unknown';
    if (found.lid !== null && lidsOut.has(lidKey(found.lid))) {
      return { action: 'skip', recipient, reason: 'opted_out' };
    }
    if (!found.exists) return { action: 'skip', recipient, reason: 'not_on_whatsapp' };
    return { action: 'send', recipient, peer: found.jid ?? phoneJid(phone), lid: found.lid };
  };
}

async function assumeThere(
  deps: CampaignDeps,
  accountId: string,
  phones: readonly string[],
): Promise<Map<string, Lookup>> {
  const pairs = await findLidPairs(deps.db, { accountId }, 'phone', phones);
  const lids = new Map(pairs.map(({ phone, lid }) => [phone, lid]));
  return new Map(phones.map((phone) => [phone, { exists: true, jid: null, lid: lids.get(phone) ?? null }]));
}
