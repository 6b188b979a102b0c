/** Adding people who have written to a session to a list. */

import { z } from 'zod';
import { addFromChats } from '../../../services/contacts/from-chats.ts';
import { FROM_CHATS_LIMIT, MAX_DAYS } from '../../broadcast/parts.ts';
import { SessionId } from '../../schemas.ts';
import { texts } from '../i18n.ts';
import { Submit } from '../kit.tsx';
import * as english from '../locales/en/broadcast-from-chats.ts';
import * as indonesian from '../locales/id/broadcast-from-chats.ts';
import { type Page, page, type View } from '../page.ts';
import { Check, Field, Form, Select, Ticked } from '../parts.tsx';
import { LISTS, ListParams, listExample } from './lists.tsx';
import { num } from './parts.tsx';

const T = texts({ en: english.broadcastFromChats, id: indonesian.broadcastFromChats });

export const fromChatsPages: Page[] = [
  page({
    method: 'post',
    path: '/dashboard/broadcast/lists/:listId/from-chats',
    auth: 'user',
    limit: FROM_CHATS_LIMIT,
    params: ListParams,
    form: z.object({
      session: SessionId,
      days: z.coerce.number().int().min(1).max(MAX_DAYS),
      optedOut: Ticked,
    }),
    example: { params: listExample, form: { session: 'main', days: '30' } },
    async handler({ ctx, view, params, form }) {
      const { session: sessionId, days, optedOut } = form;
      const input = { ...params, sessionId, days, optedOut };
      const { added, existing, ...result } = await addFromChats(ctx, input, (data) => ({ ...data }));
      const n = (value: number) => num(view, value);
      const left = [optedOut ? 0 : result.optedOut, result.withoutNumber] as const;
      const done = T(view.lang).done(n(added), n(existing), n(left[0]), n(left[1]));
      return { redirect: `${LISTS}/${params.listId}`, done };
    },
  }),
];

/** The form for a list; nothing while there is no session. */
export function FromChats({
  view,
  listId,
  sessions,
}: {
  view: View;
  listId: string;
  sessions: readonly string[];
}) {
  if (sessions.length === 0) return null;
  const t = T(view.lang);
  return (
    <details class="card">
      <summary>{t.title}</summary>
      <p>{t.about}</p>
      <Form view={view} action={`${LISTS}/${listId}/from-chats`} class="stack">
        <Select
          id="f-chats-session"
          label={t.session}
          name="session"
          options={sessions.map((name) => [name, name])}
          required
        />
        <Field
          label={t.days}
          name="days"
          type="number"
          value="30"
          min={1}
          max={MAX_DAYS}
          required
          hint={t.daysHint}
        />
        <Check label={t.optedOut} name="optedOut" />
        <div class="row">
          <Submit>{t.add}</Submit>
        </div>
      </Form>
    </details>
  );
}
