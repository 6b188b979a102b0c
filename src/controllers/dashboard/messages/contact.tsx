/** One chat apart from its messages: who it is with, how the phone keeps it, and its labels. */
import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { RecipientInput } from '../../../services/messages/schemas.ts';
import { changeChat, getChat } from '../../../services/people/chats.ts';
import { getPicture, getProfile, listBlocked, setBlocked } from '../../../services/people/contacts.ts';
import { createLabel, labelChat, listLabels } from '../../../services/people/labels.ts';
import { type ChangeChatInput, CreateLabelInput, LabelId } from '../../../services/people/schemas.ts';
import { AppError } from '../../../utils/errors.ts';
import { FailureLines } from '../failure.tsx';
import { texts } from '../i18n.ts';
import { Crumb, Skeleton, Submit } from '../kit.tsx';
import * as english from '../locales/en/messages-contact.ts';
import * as indonesian from '../locales/id/messages-contact.ts';
import { type Page, page, type View } from '../page.ts';
import { ActionButton, Badge, Facts, Field, Form, Select, Time } from '../parts.tsx';
import { chatPath } from './bubble.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

export const CONTACT_TEXTS = texts({ en: english.contact, id: indonesian.contact });

const PATH = '/dashboard/messages/with/:number';
const params = z.object({ number: RecipientInput });
const query = z.object({ session: z.string().min(1).max(100) });
const example = { params: { number: '+6281234567890' }, query: { session: 'main' } };
const DAY_SECONDS = 86_400;

const CHANGES = {
  archive: { archived: true },
  unarchive: { archived: false },
  pin: { pinned: true },
  unpin: { pinned: false },
  muteDay: { mutedForSeconds: DAY_SECONDS },
  muteWeek: { mutedForSeconds: 7 * DAY_SECONDS },
  unmute: { mutedForSeconds: 0 },
  unread: { read: false },
  read: { read: true },
} as const satisfies Record<string, ChangeChatInput>;
type Change = keyof typeof CHANGES;
const CHANGE_NAMES = Object.keys(CHANGES) as [Change, ...Change[]];

interface Where {
  number: string;
  session: string;
}

type Chat = Awaited<ReturnType<typeof getChat>>;
type Profile = Awaited<ReturnType<typeof getProfile>>;

/** What WhatsApp says of them, as far as it could be asked. */
interface Told {
  pictureId: string | null;
  profile: Profile | null;
  /** null: not known */
  blocked: boolean | null;
  /** when WhatsApp was asked for the oldest of it; null: it was not */
  askedAt: string | null;
  failure: AppError | null;
}

const contactPath = ({ number, session }: Where, rest = '/contact') => chatPath(number, session, rest);

async function askAbout(ctx: Ctx, { number, session }: Where, { jid, isGroup }: Chat): Promise<Told> {
  const told: Told = { pictureId: null, profile: null, blocked: null, askedAt: null, failure: null };
  // Times of ISO 8601 are ordered as texts.
  const noteAge = (at: string) => {
    if (told.askedAt === null || at < told.askedAt) told.askedAt = at;
  };
  try {
    const picture = await getPicture(ctx, { sessionId: session, jid });
    if (picture !== null) noteAge(picture.askedAt);
    told.pictureId = picture?.id ?? null;
    if (isGroup) return told;
    const profile = await getProfile(ctx, { sessionId: session, contact: number });
    noteAge(profile.askedAt);
    told.profile = profile;
    const { people, askedAt } = await listBlocked(ctx, { sessionId: session });
    noteAge(askedAt);
    told.blocked = people.some(
      (one) => one.jid === jid || (one.phone !== null && one.phone === profile.phone),
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    told.failure = error;
  }
  return told;
}

function Business({ view, business }: { view: View; business: NonNullable<Profile['business']> }) {
  const t = CONTACT_TEXTS(view.lang);
  const { description, category, email, websites, address } = business;
  const facts = [
    [t.description, description],
    [t.category, category],
    [t.email, email],
    [t.websites, websites.join(', ') || null],
    [t.address, address],
  ] as const;
  return (
    <>
      <h3>{t.business}</h3>
      <Facts facts={facts.flatMap(([name, value]) => (value ? [[name, value] as const] : []))} />
    </>
  );
}

function Person({ view, where, chat, told }: { view: View; where: Where; chat: Chat; told: Told }) {
  const t = CONTACT_TEXTS(view.lang);
  const { profile, pictureId, blocked, askedAt, failure } = told;
  const facts = [
    [t.name, chat.name ?? t.notShown],
    [chat.isGroup ? t.groupId : t.number, where.number],
    ...(profile === null ? [] : [[t.about, profile.about ?? t.notShown] as const]),
  ] as const;
  return (
    <section class="card stack">
      <h2>{chat.isGroup ? t.whichGroup : t.who}</h2>
      {pictureId !== null && (
        <img class="thumb" src={`/media/${pictureId}`} alt={t.pictureOf(chat.name ?? where.number)} />
      )}
      <Facts facts={facts} />
      {profile?.business && <Business view={view} business={profile.business} />}
      {failure !== null && (
        <div class="alert alert-warn">
          <p>{chat.isGroup ? t.noAnswerGroup : t.noAnswer}</p>
          <FailureLines failure={failure} lang={view.lang} />
        </div>
      )}
      {askedAt !== null && (
        <p class="muted small">
          {t.asked} <Time at={askedAt} relative />
        </p>
      )}
      {blocked && <p>{t.blockedNow}</p>}
      {view.canWrite && blocked !== null && (
        <ActionButton
          view={view}
          action={contactPath(where, '/block')}
          fields={{ block: String(!blocked) }}
          small
          {...(blocked ? {} : { tone: 'danger' as const, confirm: t.blockConfirm })}
        >
          {blocked ? t.unblock : t.block}
        </ActionButton>
      )}
    </section>
  );
}

/** What can be done with a chat that is kept so. */
function changesFor(state: Chat['state']): Change[] {
  return [
    state?.archived ? 'unarchive' : 'archive',
    state?.pinned ? 'unpin' : 'pin',
    ...(state?.muted ? (['unmute'] as const) : (['muteDay', 'muteWeek'] as const)),
    state?.markedUnread ? 'read' : 'unread',
  ];
}

function Keeping({ view, where, chat: { state } }: { view: View; where: Where; chat: Chat }) {
  const t = CONTACT_TEXTS(view.lang);
  const words = MESSAGE_TEXTS(view.lang);
  const marks = [
    ...(state?.pinned ? [words.chatPinned] : []),
    ...(state?.archived ? [words.chatArchived] : []),
    ...(state?.markedUnread ? [words.chatMarkedUnread] : []),
    ...(state?.muted ? [state.mutedUntil === null ? words.chatMuted : t.mutedUntil] : []),
  ];
  const shown = marks.length === 0 ? t.plain : marks.join(', ');
  return (
    <section class="card stack">
      <h2>{t.chat}</h2>
      <p>
        {state === null ? t.notTold : shown} {state?.mutedUntil && <Time at={state.mutedUntil} />}
      </p>
      {view.canWrite && (
        <div class="row">
          {changesFor(state).map((change) => (
            <ActionButton view={view} action={contactPath(where, '/keep')} fields={{ change }} small>
              {t[change]}
            </ActionButton>
          ))}
        </div>
      )}
      <p class="muted small">{t.chatHint}</p>
    </section>
  );
}

interface LabelsProps {
  view: View;
  where: Where;
  chat: Chat;
  all: Chat['labels'];
}

function Labels({ view, where, chat: { labels }, all }: LabelsProps) {
  const t = CONTACT_TEXTS(view.lang);
  const action = contactPath(where, '/label');
  const others = all.filter(({ label }) => !labels.some((one) => one.label === label));
  return (
    <section class="card stack">
      <h2>{t.labels}</h2>
      {labels.length === 0 && <p class="muted">{t.noLabels}</p>}
      {labels.map(({ label, name }) => (
        <div class="row">
          <Badge tone="plain">{name}</Badge>
          {view.canWrite && (
            <ActionButton view={view} action={action} fields={{ label, assigned: 'false' }} small>
              {t.takeOff(name)}
            </ActionButton>
          )}
        </div>
      ))}
      {view.canWrite && others.length > 0 && (
        <Form view={view} action={action} class="row">
          <input type="hidden" name="assigned" value="true" />
          <Select
            label={t.label}
            name="label"
            options={others.map(({ label, name }) => [label, name] as const)}
          />
          <Submit>{t.putOn}</Submit>
        </Form>
      )}
      {view.canWrite && (
        <Form view={view} action={contactPath(where, '/labels')} class="row">
          <Field label={t.newLabel} name="name" required maxlength={100} autocomplete="off" />
          <Submit>{t.make}</Submit>
        </Form>
      )}
      <p class="muted small">{t.labelsHint}</p>
    </section>
  );
}

export const contactPages: Page[] = [
  page({
    method: 'get',
    path: `${PATH}/contact`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params: { number }, query: { session } }) {
      const t = CONTACT_TEXTS(view.lang);
      const where = { number, session };
      const chat = await getChat(ctx, { sessionId: session, chat: number });
      const all = await listLabels(ctx, { sessionId: session });
      const title = (chat.isGroup ? t.titleGroup : t.title)(chat.name ?? number);
      const body = (
        <>
          <Crumb to={chatPath(number, session)}>{t.back}</Crumb>
          <h1>{title}</h1>
          <p class="muted">{MESSAGE_TEXTS(view.lang).inSession(session)}</p>
          {/* WhatsApp may take long to answer: the rest of the page does not wait for it. */}
          <div hx-get={contactPath(where, '/who')} hx-trigger="load" hx-swap="outerHTML">
            <section class="card">
              <Skeleton label={chat.isGroup ? t.whichGroup : t.who} lines={4} />
            </section>
          </div>
          <Keeping view={view} where={where} chat={chat} />
          <Labels view={view} where={where} chat={chat} all={all} />
        </>
      );
      return { title, section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${PATH}/who`,
    auth: 'user',
    params,
    query,
    example,
    async handler({ ctx, view, params: { number }, query: { session } }) {
      const where = { number, session };
      const chat = await getChat(ctx, { sessionId: session, chat: number });
      const told = await askAbout(ctx, where, chat);
      return { fragment: <Person view={view} where={where} chat={chat} told={told} /> };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/keep`,
    auth: 'user',
    params,
    query,
    form: z.object({ change: z.enum(CHANGE_NAMES) }),
    example: { ...example, form: { change: 'archive' } },
    async handler({ ctx, view, params: { number }, query: { session }, form: { change } }) {
      await changeChat(ctx, { sessionId: session, chat: number }, CHANGES[change]);
      return { redirect: contactPath({ number, session }), done: CONTACT_TEXTS(view.lang).keepDone };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/block`,
    auth: 'user',
    params,
    query,
    form: z.object({ block: z.enum(['true', 'false']) }),
    example: { ...example, form: { block: 'true' } },
    async handler({ ctx, view, params: { number }, query: { session }, form }) {
      const t = CONTACT_TEXTS(view.lang);
      const block = form.block === 'true';
      await setBlocked(ctx, { sessionId: session, contact: number }, { block });
      return { redirect: contactPath({ number, session }), done: block ? t.blockDone : t.unblockDone };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/label`,
    auth: 'user',
    params,
    query,
    form: z.object({ label: LabelId, assigned: z.enum(['true', 'false']) }),
    example: { ...example, form: { label: '10', assigned: 'true' } },
    async handler({ ctx, view, params: { number }, query: { session }, form }) {
      const t = CONTACT_TEXTS(view.lang);
      const assigned = form.assigned === 'true';
      await labelChat(ctx, { sessionId: session, chat: number }, { label: form.label, assigned });
      return { redirect: contactPath({ number, session }), done: assigned ? t.labelOn : t.labelOff };
    },
  }),
  page({
    method: 'post',
    path: `${PATH}/labels`,
    auth: 'user',
    params,
    query,
    form: CreateLabelInput.pick({ name: true }),
    example: { ...example, form: { name: 'New order' } },
    async handler({ ctx, view, params: { number }, query: { session }, form: { name } }) {
      const chat = { sessionId: session, chat: number };
      const { label } = await createLabel(ctx, { sessionId: session, name, color: 0 });
      await labelChat(ctx, chat, { label, assigned: true });
      return { redirect: contactPath({ number, session }), done: CONTACT_TEXTS(view.lang).labelOn };
    },
  }),
];
