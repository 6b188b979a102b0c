/** From whom something is sent: a session, a pool of them, or several that are ticked. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { listPools, type PoolOutput, PoolSessions } from '../../../services/pools.ts';
import { listSessions, type SessionOutput } from '../../../services/sessions/index.ts';
import { AppError } from '../../../utils/errors.ts';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/sessions-pools.ts';
import * as indonesian from '../locales/id/sessions-pools.ts';
import type { View } from '../page.ts';
import { Check, Select, When } from '../parts.tsx';
import { sessionChoices } from './parts.tsx';

export const POOL_TEXTS = texts({ en: english.pools, id: indonesian.pools });

/** Sessions that a form offers. */
export const MAX_CHOICES = 200;
/** No name of a session has a colon. */
const POOL = 'pool:';
const SEVERAL = 'several:';

/** The fields that a `SenderSelect` sends. */
export const senderFields = {
  session: z.string().min(1).max(160),
  sessions: PoolSessions.optional(),
};

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

/** What a `SenderSelect` has sent, as the verbs take it. Throws VALIDATION_FAILED when no session is ticked. */
export function senderOf({
  session,
  sessions,
}: {
  session: string;
  sessions?: string[] | undefined;
}): { session: string } | { pool: string } | { sessions: string[] } {
  if (session.startsWith(POOL)) return { pool: session.slice(POOL.length) };
  if (session !== SEVERAL) return { session };
  if (sessions !== undefined) return { sessions };
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', {
    details: { sessions: 'is required' },
  });
}

/** A choice of a session or, where there are some, a pool or several; `value` as it was sent. */
export function SenderSelect({
  view,
  label,
  value,
  ticked = [],
  hint,
  senders: { sessions, pools },
}: {
  view: View;
  label: string;
  value?: string | undefined;
  /** names of several sessions, as they were sent */
  ticked?: string | readonly string[] | undefined;
  hint?: string | undefined;
  senders: SenderChoices;
}) {
  const t = POOL_TEXTS(view.lang);
  const { options, connected } = sessionChoices(view, sessions);
  const ofPools = pools.map(({ id, name, sessions: { length } }) => {
    return [poolChoice(id), t.choice(name, t.countOf(length))] as const;
  });
  const choice = { label, name: 'session', value: value ?? connected, required: true, hint };
  if (options.length < 2 && ofPools.length === 0) return <Select {...choice} options={options} />;
  const together = [...ofPools, ...(options.length < 2 ? [] : [[SEVERAL, t.several] as const])];
  const groups = [
    [t.groupSessions, options],
    [ofPools.length === 0 ? t.groupTogether : t.groupPools, together],
  ] as const;
  return (
    <div class="stack">
      <Select {...choice} options={[]} groups={groups} />
      {options.length > 1 && (
        <When name="session" is={SEVERAL}>
          <fieldset class="field wrap">
            <legend>{t.sessions}</legend>
            {options.map(([sessionId, text]) => (
              <Check
                label={text}
                name="sessions"
                value={sessionId}
                checked={[ticked].flat().includes(sessionId)}
              />
            ))}
            <span class="hint">{t.severalHint}</span>
          </fieldset>
        </When>
      )}
    </div>
  );
}
