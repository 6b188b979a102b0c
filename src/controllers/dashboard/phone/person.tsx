/** The phone of somebody who is written to: what arrived there, answering, and how it behaves. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { type MessageOutput, TextInput } from '../../../services/messages/schemas.ts';
import { formatPhone, searchMessages } from '../../../services/messages.ts';
import {
  BEHAVIOURS,
  behaviourOf,
  listPhones,
  listReceived,
  type ReceivedMessage,
  readAs,
  setBehaviour,
  writeAs,
} from '../../../services/sandbox/phones.ts';
import { SessionId } from '../../../services/sessions/index.ts';
import { Crumb, Submit } from '../kit.tsx';
import { messagePath, ShortBody } from '../messages/bubble.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Empty, Form, Live, NextLink, Select, TextArea, Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { personPath } from './phones.tsx';
import { shownOf } from './received.ts';
import { behaviourName, PHONE_TEXTS } from './texts.ts';

const PATH = '/dashboard/phone/with/:number';
const params = z.object({ number: z.string().trim().min(1).max(64) });
const example = { params: { number: '+6281234567890' } };
const MAX_WRITTEN = 100;

type Item = { at: string } & (
  | { received: ReceivedMessage; written?: never }
  | { written: MessageOutput; received?: never }
);

interface Shown {
  items: readonly Item[];
  /** what the person wrote is looked for as far back as this, and no further; null: as far as is shown */
  lookedUntil: string | null;
}

/** Both directions, oldest first. */
async function readChat(ctx: Ctx, number: string): Promise<Shown> {
  const [received, written] = await Promise.all([
    listReceived(ctx, { number }),
    searchMessages(ctx, { number, direction: 'in', limit: MAX_WRITTEN }),
  ]);
  const items: Item[] = [
    ...received.map((one) => ({ at: one.at, received: one })),
    ...written.data.map((one) => ({ at: one.createdAt, written: one })),
  ];
  return { items: items.sort((a, b) => (a.at < b.at ? -1 : 1)), lookedUntil: written.lookedUntil };
}

function Chat({ view, number, shown }: { view: View; number: string; shown: Shown }) {
  const t = PHONE_TEXTS(view.lang);
  const { items, lookedUntil } = shown;
  return (
    <Live
      id="phone-chat"
      src={personPath(number, '/chat')}
      events="message.sent message.delivered message.read message.received"
      everySeconds={5}
    >
      {lookedUntil !== null && (
        <p class="muted small">
          {t.lookedUntil} <Time at={lookedUntil} />.
        </p>
      )}
      {items.length === 0 ? (
        <Empty
          view={view}
          title={t.nothing}
          next={
            view.may('messages:write') && (
              <NextLink to={`/dashboard/messages/new?to=${encodeURIComponent(number)}`}>{t.writeTo}</NextLink>
            )
          }
        >
          <p>{t.nothingText}</p>
        </Empty>
      ) : (
        <ol class="bubbles">
          {items.map(({ at, received, written }) =>
            received ? (
              <Arrived view={view} number={number} message={received} />
            ) : (
              <li class="bubble out">
                <ShortBody view={view} message={written} all={messagePath(written)} />
                <div class="meta small muted">
                  {written.sessionId} <Time at={at} />
                </div>
              </li>
            ),
          )}
        </ol>
      )}
    </Live>
  );
}

function Arrived({ view, number, message }: { view: View; number: string; message: ReceivedMessage }) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <li class="bubble">
      <div class="small muted">{message.sessionId}</div>
      {message.decryptError === undefined ? (
        <ShortBody view={view} message={shownOf(message)} />
      ) : (
        <p class="muted">{t.unreadable}</p>
      )}
      {message.mediaError !== undefined && <p class="muted small">{t.noFile}</p>}
      <div class="meta small muted">
        <Time at={message.at} />
        {message.readAt !== undefined && ` · ${t.isRead}`}
        {message.readAt === undefined && view.canWrite && (
          <ActionButton
            view={view}
            action={personPath(number, '/read')}
            fields={{ messageId: message.id }}
            small
          >
            {t.read}
          </ActionButton>
        )}
      </div>
    </li>
  );
}

function Answer({ view, number, sessions }: { view: View; number: string; sessions: readonly string[] }) {
  const t = PHONE_TEXTS(view.lang);
  if (sessions.length === 0) return <p class="muted">{t.noSession}</p>;
  return (
    <Form view={view} action={personPath(number)} class="stack" target="#phone-chat" swap="outerHTML" reset>
      {sessions.length === 1 ? (
        <input type="hidden" name="session" value={sessions[0]} />
      ) : (
        <Select label={t.answerTo} name="session" options={sessions.map((id) => [id, id] as const)} />
      )}
      <TextArea label={t.answer} name="text" rows={2} required />
      <div class="row">
        <Submit>{t.write}</Submit>
      </div>
    </Form>
  );
}

export const personPages: Page[] = [
  page({
    method: 'get',
    path: PATH,
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params }) {
      const t = PHONE_TEXTS(view.lang);
      const { linked } = await listPhones(ctx);
      const { formatted } = formatPhone(ctx, params);
      const number = shownNumber(formatted);
      const [shown, behaviour] = await Promise.all([readChat(ctx, number), behaviourOf(ctx, { number })]);
      const known: readonly string[] = BEHAVIOURS;
      const options = known.includes(behaviour) ? known : [behaviour, ...known];
      const body = (
        <>
          <Crumb to="/dashboard/phone">{t.all}</Crumb>
          <h1>{t.person(number)}</h1>
          <div class="split">
            <div class="card">
              <section class="chat" data-end tabindex={0} aria-label={t.chat(number)}>
                <Chat view={view} number={number} shown={shown} />
              </section>
              {view.canWrite && (
                <Answer view={view} number={number} sessions={linked.map(({ sessionId }) => sessionId)} />
              )}
            </div>
            <div class="card">
              <h2>{t.behaviour}</h2>
              {view.canWrite ? (
                <Form view={view} action={personPath(number, '/behaviour')} class="stack">
                  <Select
                    label={t.behaviour}
                    name="behaviour"
                    value={behaviour}
                    options={options.map((one) => [one, behaviourName(view.lang, one)] as const)}
                    hint={t.behaviourHint}
                  />
                  <button type="submit">{t.set}</button>
                </Form>
              ) : (
                <p>{behaviourName(view.lang, behaviour)}</p>
              )}
            </div>
          </div>
        </>
      );
      return { title: t.person(number), section: 'phone', body };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/chat`,
    auth: 'user',
    params,
    example,
    async handler({ ctx, view, params: { number } }) {
      return { fragment: <Chat view={view} number={number} shown={await readChat(ctx, number)} /> };
    },
  }),
  page({
    method: 'post',
    path: PATH,
    auth: 'user',
    params,
    form: z.object({ session: SessionId, text: TextInput }),
    example: { ...example, form: { session: 'main', text: 'hello' } },
    async handler({ ctx, view, params: { number }, form: { session, text }, http }) {
      await writeAs(ctx, { number, sessionId: session, text });
      if (http.req.header('hx-request') === undefined) {
        return { redirect: personPath(number), done: PHONE_TEXTS(view.lang).written };
      }
      return { fragment: <Chat view={view} number={number} shown={await readChat(ctx, number)} /> };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/read`,
    auth: 'user',
    params,
    form: z.object({ messageId: z.string().min(1).max(64) }),
    example: { ...example, form: { messageId: '3EB0A1B2C3D4E5F60718293A' } },
    async handler({ ctx, params: { number }, form }) {
      await readAs(ctx, form);
      return { redirect: personPath(number) };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/behaviour`,
    auth: 'user',
    params,
    form: z.object({ behaviour: z.enum(BEHAVIOURS) }),
    example: { ...example, form: { behaviour: 'ok' } },
    async handler({ ctx, view, params: { number }, form }) {
      await setBehaviour(ctx, { number, ...form });
      return { redirect: personPath(number), done: PHONE_TEXTS(view.lang).behavesNow };
    },
  }),
];
