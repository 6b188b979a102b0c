/** From whom something is sent: a session, or a pool of them. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { listPools, type PoolOutput } from '../../../services/pools.ts';
import { listSessions, type SessionOutput } from '../../../services/sessions/index.ts';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/sessions-pools.ts';
import * as indonesian from '../locales/id/sessions-pools.ts';
import type { View } from '../page.ts';
import { Select } from '../parts.tsx';
import { sessionChoices } from './parts.tsx';

export const POOL_TEXTS = texts({ en: english.pools, id: indonesian.pools });

/** Sessions that a form offers. */
export const MAX_CHOICES = 200;
/** No name of a session has a colon. */
const POOL = 'pool:';

export const SenderField = z.string().min(1).max(160);

export interface SenderChoices {
  sessions: SessionOutput[];
  pools: PoolOutput[];
}

export async function readSenders(ctx: Ctx): Promise<SenderChoices> {
  const [{ data: sessions }, pools] = await Promise.all([
    listSessions(ctx, { page: 1, limit: MAX_CHOICES }),
    listPools(ctx),
  ]);
  return { sessions, pools };
}

/** What a `SenderSelect` sends for a pool. */
export const poolChoice = (poolId: string) => `${POOL}${poolId}`;

/** The value of a `SenderSelect` as the verbs take it. */
export function senderOf(value: string): { session: string } | { pool: string } {
  return value.startsWith(POOL) ? { pool: value.slice(POOL.length) } : { session: value };
}

/** A choice of a session or, where there are some, a pool; `value` as it was sent. */
export function SenderSelect({
  view,
  label,
  value,
  senders: { sessions, pools },
}: {
  view: View;
  label: string;
  value?: string | undefined;
  senders: SenderChoices;
}) {
  const t = POOL_TEXTS(view.lang);
  const { options, connected } = sessionChoices(view, sessions);
  const ofPools = pools.map(({ id, name, sessions: { length } }) => {
    return [poolChoice(id), t.choice(name, t.countOf(length))] as const;
  });
  const choice = { label, name: 'session', value: value ?? connected, required: true };
  if (ofPools.length === 0) return <Select {...choice} options={options} />;
  const groups = [
    [t.groupSessions, options],
    [t.groupPools, ofPools],
  ] as const;
  return <Select {...choice} options={[]} groups={groups} />;
}
