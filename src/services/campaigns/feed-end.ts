/** How a campaign stops by itself, and goes on by itself. */
import { eq } from 'drizzle-orm';
import { campaigns } from '../../db/schema.ts';
import { withdrawOpen } from './dequeue-open.ts';
import { type CampaignDeps, type CampaignRow, type MoveDeps, moveCampaign } from './row.ts';

/** Sessions that will not be connected again by themselves. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ['logged_out', 'The session was logged out.'],
  ['replaced', 'The session was opened elsewhere.'],
  ['failed', 'The session has failed.'],
]);

/** Reasons that end when the session is connected again. */
export const SESSION_REASONS = [...ENDS.keys()].map((status) => `session_${status}`);

/** Why a campaign of a session in this state must pause; null when it need not. */
export function sessionEnd(status: string): { reason: string; message: string } | null {
  const message = ENDS.get(status);
  return message === undefined ? null : { reason: `session_${status}`, message };
}

/** The same of all its sessions: null while one of them goes on. */
export function endOfAll(senders: readonly { status: string }[]): { reason: string; message: string } | null {
  const ends = senders.map(({ status }) => sessionEnd(status));
  return ends.includes(null) ? null : (ends[0] ?? null);
}

/** Pauses a running campaign for a reason of the service's own, and takes what waits off the queue. */
export function pauseItself(
  deps: MoveDeps,
  id: string,
  { reason, message }: { reason: string; message: string },
): Promise<CampaignRow | null> {
  return moveCampaign(deps, id, {
    from: ['running'],
    changes: { status: 'paused', reason, reasonMessage: message, pausedAt: deps.clock.now() },
    event: 'campaign.paused',
    data: { reasonMessage: message },
    also: async (tx, row) => {
      await withdrawOpen(tx, deps, row.id);
    },
  });
}

/** Its sessions are gone and with them everything that this campaign could still do. */
export function failForSession(deps: CampaignDeps, id: string): Promise<CampaignRow | null> {
  return moveCampaign(deps, id, {
    from: ['running', 'paused', 'scheduled'],
    changes: {
      status: 'failed',
      reason: 'session_deleted',
      reasonMessage: 'The session was deleted.',
      activeKey: null,
      dueAt: null,
      finishedAt: deps.clock.now(),
    },
    event: 'campaign.failed',
  });
}

/** Resumes a campaign that only the session's end had paused. */
export function resumeItself(deps: CampaignDeps, id: string, reason: string): Promise<CampaignRow | null> {
  return moveCampaign(deps, id, {
    from: ['paused'],
    changes: { status: 'running', reason: null, reasonMessage: null, resumedAt: deps.clock.now() },
    where: eq(campaigns.reason, reason),
    event: 'campaign.resumed',
    data: { after: reason },
  });
}
