/** The things to tidy up. Every task works in small pieces and may be cut off between two of them. */

import { and, gt, isNotNull, lte, notInArray } from 'drizzle-orm';
import { updateInBatches } from '../../db/ops.ts';
import {
  auditEntries,
  campaignDrafts,
  earlyAmendments,
  endedTokens,
  eventResponses,
  factorChallenges,
  firstContacts,
  groupNotices,
  idempotencyKeys,
  inboundMedia,
  knownNetworks,
  mediaSources,
  messages,
  passwordResets,
  pollVotes,
  quotaHolds,
  rateLimits,
  sendAttempts,
  signIns,
  webhookLanes,
  whatsappAccounts,
  workspaceInvitations,
} from '../../db/schema.ts';
import { forgetAlarms } from '../../services/alerts/retention.ts';
import { deleteActivity, deleteOtps } from '../../services/analytics/cleanup.ts';
import { forgetCampaigns } from '../../services/campaigns/retention.ts';
import type { Deps } from '../../services/context.ts';
import { sweepMedia } from '../../services/media/sweep.ts';
import { forgetNumberChecks } from '../../services/number-checks/retention.ts';
import { deleteOldRequests, deleteSurplusRequests } from '../../services/requests/retention.ts';
import { deleteOld } from '../../services/retention.ts';
import { foldUsage, forgetUsage } from '../../services/usage-retention.ts';
import { cleanWebhookHistory } from '../../services/webhooks/retention.ts';
import { settleAllOwners } from '../../services/workspaces/owners.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { idAt } from '../../utils/ids.ts';
import type { CredentialStore } from '../../whatsapp/credential-store.ts';

export interface Task {
  name: string;
  /** milliseconds between two runs, or every night */
  when: number | 'nightly';
  /** How many rows it changed. */
  run(signal: AbortSignal): Promise<number>;
}

type TaskDeps = Pick<Deps, 'db' | 'database' | 'clock' | 'config' | 'storage'> & {
  credentials: Pick<CredentialStore, 'purgeQuarantine'>;
};

/** A network that was not used for this long may belong to a stranger by now. */
const KNOWN_DAYS = 90;
/** A campaign that nobody has gone on writing for so long. */
const DRAFT_DAYS = 30;
/** Checks of numbers: what is known of a number gets old. */
const CHECK_DAYS = 30;
/** Longer than WhatsApp keeps a device linked that is away: what was not confirmed comes again in that time. */
const NOTICE_DAYS = 30;
/** Of alarms that are over. */
const KEPT_ALARM_DAYS = 7;
const FIVE_MINUTES_MS = 300_000;
/** A receiver of webhooks may ask for an hour, a file waits for 75 minutes at most. */
const LONGEST_WAIT_MS = 90 * MINUTE_MS;
/** The longest window of the sending limits is a day; one hour more for clocks that differ. */
const ATTEMPTS_MS = 25 * HOUR_MS;
/** The longest cycle of WhatsApp's own cap is taken for a month; some days more for clocks that differ. */
const FIRST_CONTACTS_MS = 40 * DAY_MS;
/** The session's owner clears a QR by itself when it expires; this is for owners that died. */
const QR_GRACE_MS = MINUTE_MS;

/** The nightly deletions and what runs all day. */
export function createTasks(deps: TaskDeps): Task[] {
  const { clock } = deps;
  return [
    ...nightlyTasks(deps),
    { name: 'qr_codes', when: FIVE_MINUTES_MS, run: (signal) => clearQrCodes(deps, signal) },
    {
      name: 'idempotency_keys',
      when: FIVE_MINUTES_MS,
      run: (signal) => {
        const { expiresAt } = idempotencyKeys;
        return deleteOld(deps.db, { table: idempotencyKeys, by: expiresAt, before: clock.now(), signal });
      },
    },
    {
      name: 'rate_limits',
      when: FIVE_MINUTES_MS,
      run: (signal) => {
        const { expiresAt } = rateLimits;
        return deleteOld(deps.db, { table: rateLimits, by: expiresAt, before: clock.now(), signal });
      },
    },
    { name: 'future_times', when: FIVE_MINUTES_MS, run: (signal) => bringBackFuture(deps, signal) },
    {
      name: 'ended_tokens',
      when: HOUR_MS,
      run: (signal) => {
        const { expiresAt } = endedTokens;
        return deleteOld(deps.db, { table: endedTokens, by: expiresAt, before: clock.now(), signal });
      },
    },
    { name: 'sign_ins', when: HOUR_MS, run: (signal) => forgetSignIns(deps, signal) },
    {
      name: 'invitations',
      when: HOUR_MS,
      run: (signal) => {
        const { expiresAt } = workspaceInvitations;
        return deleteOld(deps.db, {
          table: workspaceInvitations,
          by: expiresAt,
          before: clock.now(),
          signal,
        });
      },
    },
    { name: 'workspaces', when: HOUR_MS, run: (signal) => settleAllOwners(deps.db, clock.now(), signal) },
    {
      name: 'quota_holds',
      when: HOUR_MS,
      run: (signal) => {
        const { expiresAt } = quotaHolds;
        return deleteOld(deps.db, { table: quotaHolds, by: expiresAt, before: clock.now(), signal });
      },
    },
    { name: 'api_requests_surplus', when: HOUR_MS, run: (signal) => deleteSurplusRequests(deps, signal) },
    { name: 'media', when: HOUR_MS, run: (signal) => sweepMedia(deps, signal) },
    {
      name: 'send_attempts',
      when: HOUR_MS,
      run: (signal) => {
        const before = idAt(clock.now() - ATTEMPTS_MS);
        return deleteOld(deps.db, { table: sendAttempts, by: sendAttempts.id, before, signal });
      },
    },
    {
      name: 'first_contacts',
      when: HOUR_MS,
      run: (signal) => {
        const before = clock.now() - FIRST_CONTACTS_MS;
        return deleteOld(deps.db, { table: firstContacts, by: firstContacts.at, before, signal });
      },
    },
    { name: 'quarantine', when: HOUR_MS, run: (signal) => deps.credentials.purgeQuarantine(DAY_MS, signal) },
  ];
}

/** Sign-ins whose tokens are over, steps that nobody took, links for a new password that nobody used. */
async function forgetSignIns({ db, clock }: TaskDeps, signal: AbortSignal): Promise<number> {
  const before = clock.now();
  let gone = 0;
  for (const table of [signIns, factorChallenges, passwordResets]) {
    gone += await deleteOld(db, { table, by: table.expiresAt, before, signal });
  }
  return gone;
}

function nightlyTasks(deps: TaskDeps): Task[] {
  const { db, database, clock, config } = deps;
  const before = (days: number) => clock.now() - days * DAY_MS;
  const { retentionDays } = config;
  return [
    {
      name: 'activity_logs',
      when: 'nightly',
      run: (signal) => deleteActivity(db, null, before(retentionDays.activity), signal),
    },
    {
      name: 'audit',
      when: 'nightly',
      run: (signal) => {
        const until = before(retentionDays.audit);
        return deleteOld(db, { table: auditEntries, by: auditEntries.at, before: until, signal });
      },
    },
    {
      name: 'otps',
      when: 'nightly',
      run: (signal) => deleteOtps(db, null, before(retentionDays.otp), signal),
    },
    {
      name: 'messages',
      when: 'nightly',
      run: (signal) =>
        deleteOld(db, {
          table: messages,
          by: messages.id,
          before: idAt(before(retentionDays.messages)),
          // A message that is still to be sent was queued long ago for a day that has not come.
          where: notInArray(messages.status, ['queued', 'sending']),
          signal,
        }),
    },
    {
      name: 'media_sources',
      when: 'nightly',
      run: (signal) => {
        const until = idAt(before(retentionDays.messages));
        return deleteOld(db, { table: mediaSources, by: mediaSources.id, before: until, signal });
      },
    },
    {
      name: 'early_amendments',
      when: 'nightly',
      run: (signal) => {
        const until = idAt(before(retentionDays.messages));
        return deleteOld(db, { table: earlyAmendments, by: earlyAmendments.id, before: until, signal });
      },
    },
    {
      name: 'poll_votes',
      when: 'nightly',
      run: (signal) => {
        const until = before(retentionDays.messages);
        return deleteOld(db, { table: pollVotes, by: pollVotes.votedAt, before: until, signal });
      },
    },
    {
      name: 'event_responses',
      when: 'nightly',
      run: (signal) => {
        const { answeredAt } = eventResponses;
        const until = before(retentionDays.messages);
        return deleteOld(db, { table: eventResponses, by: answeredAt, before: until, signal });
      },
    },
    {
      name: 'group_notices',
      when: 'nightly',
      run: (signal) => {
        const until = before(NOTICE_DAYS);
        return deleteOld(db, { table: groupNotices, by: groupNotices.at, before: until, signal });
      },
    },
    {
      name: 'campaigns',
      when: 'nightly',
      run: (signal) => forgetCampaigns(db, { before: before(retentionDays.messages), signal }),
    },
    {
      name: 'campaign_drafts',
      when: 'nightly',
      run: (signal) => {
        const { updatedAt } = campaignDrafts;
        return deleteOld(db, { table: campaignDrafts, by: updatedAt, before: before(DRAFT_DAYS), signal });
      },
    },
    {
      name: 'number_checks',
      when: 'nightly',
      run: (signal) => forgetNumberChecks(db, { before: before(CHECK_DAYS), signal }),
    },
    {
      name: 'usage_slots',
      when: 'nightly',
      run: (signal) => foldUsage(database, { now: clock.now(), signal }),
    },
    {
      name: 'usage_counts',
      when: 'nightly',
      run: (signal) => forgetUsage(db, { before: before(retentionDays.usage), signal }),
    },
    {
      name: 'known_networks',
      when: 'nightly',
      run: (signal) => {
        const { lastSeenAt } = knownNetworks;
        return deleteOld(db, { table: knownNetworks, by: lastSeenAt, before: before(KNOWN_DAYS), signal });
      },
    },
    {
      name: 'api_requests',
      when: 'nightly',
      run: (signal) => deleteOldRequests(deps, signal),
    },
    {
      name: 'alarms',
      when: 'nightly',
      run: (signal) => forgetAlarms(db, { before: before(KEPT_ALARM_DAYS), signal }),
    },
    {
      name: 'webhook_history',
      when: 'nightly',
      run: (signal) => cleanWebhookHistory(db, { now: clock.now(), signal }),
    },
  ];
}

/**
 * Work that a clock that was ahead has put off for longer than any wait there is becomes due now. Queues of messages heal by
 * themselves.
 */
async function bringBackFuture({ db, clock }: TaskDeps, signal: AbortSignal): Promise<number> {
  const now = clock.now();
  const latest = now + LONGEST_WAIT_MS;
  const lanes = {
    table: webhookLanes,
    key: webhookLanes.lane,
    where: gt(webhookLanes.dueAt, latest),
    signal,
  };
  const { id, nextAttemptAt } = inboundMedia;
  const files = { table: inboundMedia, key: id, where: gt(nextAttemptAt, latest), signal };
  return (
    (await updateInBatches(db, lanes, { dueAt: now })) +
    (await updateInBatches(db, files, { nextAttemptAt: now }))
  );
}

function clearQrCodes({ db, clock }: TaskDeps, signal: AbortSignal): Promise<number> {
  const { id, qrExpiresAt } = whatsappAccounts;
  const where = and(isNotNull(qrExpiresAt), lte(qrExpiresAt, clock.now() - QR_GRACE_MS));
  const nothing = { qr: null, pairingCode: null, qrExpiresAt: null };
  return updateInBatches(db, { table: whatsappAccounts, key: id, where, signal }, nothing);
}
