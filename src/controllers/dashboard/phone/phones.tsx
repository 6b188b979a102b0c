/** The phones of a sandbox: linking them with one click, trouble for them, and the people they write to. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { formatPhone } from '../../../services/messages.ts';
import {
  faultPhone,
  faultServer,
  type LinkedPhone,
  linkPhone,
  listPhones,
  listReceived,
  PASSKEY_WAYS,
  PHONE_FAULTS,
  type PhoneFault,
  type ReceivedMessage,
  recentPeople,
  type SigningPhone,
  signWithPasskey,
  type WaitingPhone,
} from '../../../services/sandbox/phones.ts';
import { SessionId } from '../../../services/sessions/index.ts';
import { AppError } from '../../../utils/errors.ts';
import { Submit } from '../kit.tsx';
import { summarize } from '../messages/words.ts';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Field, Form, Live, Select, Table, Time } from '../parts.tsx';
import { NEW_SESSION } from '../paths.ts';
import { StateBadge, sessionPath } from '../sessions/parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { shownOf } from './received.ts';
import { faultName, PHONE_TEXTS, passkeyWayName } from './texts.ts';

const HERE = '/dashboard/phone';
const EVENTS = 'session.qr session.status session.created session.deleted';
const FAULTS = Object.keys(PHONE_FAULTS).filter(isFault);
const Fault = z.string().refine(isFault, 'is no trouble that is known here');

function isFault(name: string): name is PhoneFault {
  return Object.hasOwn(PHONE_FAULTS, name);
}

export const personPath = (number: string, rest = '') => `${HERE}/with/${encodeURIComponent(number)}${rest}`;

interface WaitingProps {
  view: View;
  waiting: readonly WaitingPhone[];
  signing: readonly SigningPhone[];
}

function Waiting({ view, waiting, signing }: WaitingProps) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <Live id="waiting" class="card" src={`${HERE}/waiting`} events={EVENTS} everySeconds={5}>
      <h2>{t.waiting}</h2>
      {waiting.length + signing.length === 0 && (
        <p class="muted">
          {t.waitingNone} {view.canWrite && <a href={NEW_SESSION}>{t.addSession}</a>}
        </p>
      )}
      {signing.map((one) => (
        <Signing view={view} phone={one} />
      ))}
      {waiting.map((one) => (
        <section class="waiting" aria-label={one.sessionId}>
          <h3>{one.sessionId}</h3>
          {view.canWrite && (
            <Form view={view} action={`${HERE}/link`} class="filter">
              <input type="hidden" name="sessionId" value={one.sessionId} />
              <Field
                id={`phone-${one.sessionId}`}
                label={t.number}
                name="phone"
                type="tel"
                value={shownNumber(one.phone)}
                required
              />
              <Field id={`name-${one.sessionId}`} label={t.ownName} name="name" maxlength={100} />
              <Select
                id={`passkey-${one.sessionId}`}
                label={t.account}
                name="passkey"
                options={PASSKEY_WAYS.map((way) => [way, passkeyWayName(view.lang, way)] as const)}
              />
              <Submit>{one.by === 'qr' ? t.scan : t.enter}</Submit>
            </Form>
          )}
        </section>
      ))}
    </Live>
  );
}

/** The phone of an account that was asked for its passkey, with one button for its owner. */
function Signing({ view, phone }: { view: View; phone: SigningPhone }) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <section class="waiting" aria-label={phone.sessionId}>
      <h3>{phone.sessionId}</h3>
      {phone.stage === 'asked' && (
        <>
          <p>{t.passkeyAsked}</p>
          {view.canWrite && <SignButton view={view} sessionId={phone.sessionId} />}
        </>
      )}
      {phone.stage === 'answered' && <p>{t.passkeySigned}</p>}
      {phone.stage === 'confirm' && (
        <>
          {phone.phoneCode !== null && (
            <>
              <p>{t.phoneShows}</p>
              <p class="code-big">{phone.phoneCode}</p>
            </>
          )}
          <p>
            <a href={sessionPath(phone.sessionId, '/link')}>{t.compareThere}</a>
          </p>
        </>
      )}
    </section>
  );
}

/** One click of the owner whom the sandbox plays. */
export function SignButton({ view, sessionId }: { view: View; sessionId: string }) {
  return (
    <ActionButton view={view} action={`${HERE}/sign`} fields={{ sessionId }} tone="primary">
      {PHONE_TEXTS(view.lang).sign}
    </ActionButton>
  );
}

function Linked({ view, linked }: { view: View; linked: readonly LinkedPhone[] }) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <Live id="linked" class="card" src={`${HERE}/linked`} events={EVENTS} everySeconds={15}>
      <h2>{t.linked}</h2>
      {linked.length === 0 ? (
        <p class="muted">{t.linkedNone}</p>
      ) : (
        linked.map((one) => (
          <section class="waiting" aria-label={one.sessionId}>
            <div class="row between">
              <a href={sessionPath(one.sessionId)}>{one.sessionId}</a>
              <span>{shownNumber(one.phone)}</span>
              <StateBadge view={view} session={{ status: one.status, reason: null }} />
            </div>
            {view.canWrite && <Trouble view={view} sessionId={one.sessionId} />}
          </section>
        ))
      )}
    </Live>
  );
}

function Trouble({ view, sessionId }: { view: View; sessionId: string }) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <Form view={view} action={`${HERE}/fault`} class="row nowrap trouble">
      <input type="hidden" name="sessionId" value={sessionId} />
      <select name="fault" aria-label={t.whatFor(sessionId)}>
        {FAULTS.map((fault) => (
          <option value={fault}>{faultName(view.lang, fault)}</option>
        ))}
      </select>
      <button type="submit" class="small">
        {t.doIt}
      </button>
    </Form>
  );
}

interface Person {
  number: string;
  last: ReceivedMessage | null;
}

async function readPeople(ctx: Ctx): Promise<Person[]> {
  const [numbers, received] = await Promise.all([recentPeople(ctx), listReceived(ctx)]);
  const last = new Map(received.map((message) => [message.to, message]));
  return [...new Set([...numbers, ...last.keys()])].map((digits) => ({
    number: shownNumber(digits),
    last: last.get(digits) ?? null,
  }));
}

function People({ view, people }: { view: View; people: readonly Person[] }) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <Live
      id="people"
      class="card"
      src={`${HERE}/people`}
      events="message.sent message.delivered message.received"
      everySeconds={15}
    >
      <h2>{t.people}</h2>
      <p class="muted">{people.length === 0 ? t.peopleNone : t.peopleHint}</p>
      {people.length > 0 && (
        <Table stack label={t.people} head={[t.number, t.lastMessage, t.time]}>
          {people.map(({ number, last }) => (
            <tr>
              <th scope="row">
                <a href={personPath(number)}>{number}</a>
              </th>
              <td>{last && <span class="clip">{summarize(view.lang, shownOf(last))}</span>}</td>
              <td>
                <Time at={last?.at} relative />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Live>
  );
}

export const phonePages: Page[] = [
  page({
    method: 'get',
    path: HERE,
    auth: 'user',
    async handler({ ctx, view }) {
      const t = PHONE_TEXTS(view.lang);
      const { waiting, signing, linked } = await listPhones(ctx);
      const people = await readPeople(ctx);
      const body = (
        <>
          <h1>{t.title}</h1>
          <p class="muted">{t.intro}</p>
          <Waiting view={view} waiting={waiting} signing={signing} />
          <div class="split">
            <div>
              <People view={view} people={people} />
              <div class="card">
                <h2>{t.open}</h2>
                <form class="filter" method="get" action={`${HERE}/open`}>
                  <Field
                    label={t.number}
                    name="number"
                    type="tel"
                    placeholder="+62 812-3456-7890"
                    autocomplete="off"
                    hint={<NumberHint />}
                    required
                  />
                  <button type="submit">{t.openIt}</button>
                </form>
              </div>
            </div>
            <div>
              <Linked view={view} linked={linked} />
              {view.user?.role === 'admin' && <Server view={view} />}
            </div>
          </div>
        </>
      );
      return { title: t.title, section: 'phone', body };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/waiting`,
    auth: 'user',
    async handler({ ctx, view }) {
      const { waiting, signing } = await listPhones(ctx);
      return { fragment: <Waiting view={view} waiting={waiting} signing={signing} /> };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/linked`,
    auth: 'user',
    async handler({ ctx, view }) {
      return { fragment: <Linked view={view} linked={(await listPhones(ctx)).linked} /> };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/people`,
    auth: 'user',
    async handler({ ctx, view }) {
      return { fragment: <People view={view} people={await readPeople(ctx)} /> };
    },
  }),
  page({
    method: 'get',
    path: `${HERE}/open`,
    auth: 'user',
    query: z.object({ number: z.string().trim().min(1).max(64) }),
    example: { query: { number: '+6281234567890' } },
    handler({ ctx, query }) {
      return { redirect: personPath(shownNumber(formatPhone(ctx, query).formatted)) };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/link`,
    auth: 'user',
    form: z.object({
      sessionId: SessionId,
      phone: z.string().min(1).max(64),
      name: z.string().trim().max(100).optional(),
      passkey: z.enum(PASSKEY_WAYS).optional(),
    }),
    example: { form: { sessionId: 'main', phone: '+628111111111' } },
    async handler({ ctx, view, form }) {
      const { phone, asked } = await linkPhone(ctx, form);
      const t = PHONE_TEXTS(view.lang);
      return {
        redirect: sessionPath(form.sessionId, '/link'),
        done: asked ? t.askedNow(shownNumber(phone)) : t.linkedNow(shownNumber(phone), form.sessionId),
      };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/sign`,
    auth: 'user',
    form: z.object({ sessionId: SessionId }),
    example: { form: { sessionId: 'main' } },
    async handler({ ctx, form: { sessionId } }) {
      try {
        await signWithPasskey(ctx, { sessionId });
      } catch (error) {
        // The linking page says why, and shows the next request.
        if (!(error instanceof AppError && error.code === 'PASSKEY_REFUSED')) throw error;
      }
      return { redirect: sessionPath(sessionId, '/link') };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/fault`,
    auth: 'user',
    form: z.object({ sessionId: SessionId, fault: Fault }),
    example: { form: { sessionId: 'main', fault: 'drop' } },
    async handler({ ctx, view, form }) {
      await faultPhone(ctx, form);
      return { redirect: HERE, done: PHONE_TEXTS(view.lang).done };
    },
  }),
  page({
    method: 'post',
    path: `${HERE}/away`,
    auth: 'admin',
    form: z.object({ seconds: z.coerce.number().int().min(1).max(600) }),
    example: { form: { seconds: '5' } },
    async handler({ ctx, view, form }) {
      await faultServer(ctx, form);
      return { redirect: HERE, done: PHONE_TEXTS(view.lang).done };
    },
  }),
];

function Server({ view }: { view: View }) {
  const t = PHONE_TEXTS(view.lang);
  return (
    <div class="card">
      <h2>{t.server}</h2>
      <p class="muted small">{t.serverHint}</p>
      <Form view={view} action={`${HERE}/away`} class="filter">
        <Field label={t.seconds} name="seconds" type="number" value={10} min={1} max={600} required />
        <button type="submit">{t.away}</button>
      </Form>
    </div>
  );
}
