/** Writing a message of any kind, with a preview beside it and its way followed to the recipient's phone. */

import { z } from 'zod';
import type { Ctx } from '../../../services/context.ts';
import { KINDS } from '../../../services/messages/kinds/index.ts';
import type { MessageDetail } from '../../../services/messages/schemas.ts';
import { getMessage, sendMessage } from '../../../services/messages.ts';
import type { ContentType } from '../../../whatsapp/content.ts';
import { CodeBlocks, CodeButton } from '../code-part.tsx';
import { NewSessionLink, Submit } from '../kit.tsx';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { Empty, Field, Form, Live, MomentField, Select } from '../parts.tsx';
import { COMPOSE } from '../paths.ts';
import { personPath } from '../phone/phones.tsx';
import { readSenders, type SenderChoices, SenderSelect } from '../sessions/sender.tsx';
import { ALBUM_PAGE } from './album.tsx';
import { Body, messagePath, StatusBadge } from './bubble.tsx';
import { CHANNELS_PAGE } from './channels.tsx';
import {
  COMPOSED,
  ComposeForm,
  draftOf,
  type Filled,
  formOf,
  previewOf,
  requestBodyOf,
  targetOf,
  throwInForm,
} from './compose-form.ts';
import { COMPOSE_TEXTS } from './compose-texts.ts';
import { ErrorPart, Timeline, WaitingPart } from './detail-progress.tsx';
import { FormattedLines } from './formatted.tsx';
import { KIND_PAGES } from './kinds/index.ts';
import type { KindPages } from './kinds/kind.ts';
import { STATUS_PAGE } from './status.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { kindName } from './words.ts';

/** Until here the sender's work is done: reading takes its own time. */
const FOLLOWED: ReadonlySet<string> = new Set(['delivered', 'read', 'failed', 'canceled', 'expired']);

/** The fields that only this kind has. */
function KindFields({ view, kind, filled }: { view: View; kind: ContentType; filled: Filled }) {
  const pages: KindPages = KIND_PAGES[kind];
  return <>{pages.fields(view, filled)}</>;
}

function KindChoice({ view, kind }: { view: View; kind: ContentType }) {
  const t = COMPOSE_TEXTS(view.lang);
  return (
    <fieldset class="chips">
      <legend>{t.kind}</legend>
      {COMPOSED.map((one) => (
        <label class="chip">
          <input
            type="radio"
            name="kind"
            value={one}
            checked={one === kind}
            hx-get={`${COMPOSE}/fields`}
            hx-target="#kind-fields"
            hx-trigger="change"
          />
          <span>{kindName(view.lang, one)}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Composer({ view, senders, filled }: { view: View; senders: SenderChoices; filled: Filled }) {
  const t = COMPOSE_TEXTS(view.lang);
  const kind = filled.kind ?? 'text';
  return (
    <Form view={view} id="composer" action="/dashboard/messages" class="stack" target="#result" multipart>
      <div class="columns">
        <SenderSelect view={view} label={t.from} value={filled.session} senders={senders} />
        <Field
          label={t.to}
          name="to"
          inputmode="tel"
          value={filled.to}
          placeholder="+62 812-3456-789"
          hint={<NumberHint>{t.toHint}</NumberHint>}
          autocomplete="off"
          required
        />
      </div>
      <KindChoice view={view} kind={kind} />
      <div id="kind-fields" class="stack">
        <KindFields view={view} kind={kind} filled={filled} />
      </div>
      <details>
        <summary>{t.when}</summary>
        <div class="columns">
          <MomentField label={t.schedule} name="scheduledAt" hint={t.scheduleHint} />
          <Select
            label={t.priority}
            name="priority"
            value={filled.priority ?? 'normal'}
            options={[
              ['high', t.high],
              ['normal', t.normal],
              ['low', t.low],
            ]}
          />
        </div>
        <Field label={t.inAnswer} name="quotedMessageId" value={filled.quotedMessageId} autocomplete="off" />
      </details>
      <div class="row">
        <Submit>{t.send}</Submit>
        <span class="busy muted">{t.uploading}</span>
      </div>
    </Form>
  );
}

function Preview({ ctx, view, form }: { ctx: Pick<Ctx, 'config'>; view: View; form: ComposeForm }) {
  const t = COMPOSE_TEXTS(view.lang);
  const message = previewOf(form, ctx.config);
  const isMedia = KINDS[form.kind].hasFile;
  if (!isMedia && isEmpty(form)) return <p class="muted">{t.previewEmpty}</p>;
  return (
    <>
      <ul class="bubbles">
        <li class="bubble out">
          {isMedia ? <MediaPreview view={view} form={form} /> : <Body view={view} message={message} />}
        </li>
      </ul>
      {message.rendering === 'text' && <p class="muted small">{t.asNumbers}</p>}
      {message.rendering === 'native' && <p class="muted small">{t.asNative}</p>}
    </>
  );
}

function MediaPreview({ view, form }: { view: View; form: ComposeForm }) {
  return (
    <>
      <img class={`media ${form.kind}`} data-shows="f-file" alt="" hidden />
      <p class="muted small wrap" data-names="f-file">
        {form.url ?? kindName(view.lang, form.kind)}
      </p>
      {form.caption && <FormattedLines text={form.caption} />}
    </>
  );
}

/** Nothing of what is to be said has been written yet. */
function isEmpty({
  kind: _kind,
  session: _session,
  sessions: _sessions,
  to: _to,
  priority: _priority,
  ...rest
}: ComposeForm): boolean {
  return Object.values(rest).every((value) => value === undefined);
}

/** The progress of the message that was just sent. */
function Sent({ view, message }: { view: View; message: MessageDetail }) {
  const t = MESSAGE_TEXTS(view.lang);
  return (
    <Live
      id="sent"
      src={messagePath(message, '/sent')}
      events="message.sent message.delivered message.read message.failed message.expired message.canceled"
      everySeconds={3}
      done={FOLLOWED.has(message.status)}
    >
      <p>
        <StatusBadge view={view} status={message.status} /> {t.fromWhom(message.sessionId)}{' '}
        <a href={messagePath(message)}>{t.follow}</a>
        {view.sandbox && message.to?.startsWith('+') && (
          <>
            {' · '}
            <a href={personPath(message.to)}>{t.onPhone}</a>
          </>
        )}
      </p>
      <ErrorPart view={view} message={message} />
      <WaitingPart view={view} message={message} />
      <Timeline view={view} message={message} />
    </Live>
  );
}

async function readFilled(
  ctx: Ctx,
  { again, ...given }: { again?: string | undefined } & Filled,
): Promise<Filled> {
  if (again === undefined) return given;
  return formOf(await getMessage(ctx, { messageId: again, direction: 'out' }));
}

const Prefilled = z.object({
  again: z.string().max(64).optional(),
  session: z.string().max(100).optional(),
  to: z.string().max(80).optional(),
  kind: z.enum(COMPOSED).optional().catch(undefined),
  quotedMessageId: z.string().max(64).optional(),
  messageId: z.string().max(64).optional(),
});

/** The preview and the outcome, beside the form. */
function Aside({ view }: { view: View }) {
  const t = COMPOSE_TEXTS(view.lang);
  return (
    <div class="sticky">
      <section class="card" aria-labelledby="preview-title">
        <h2 id="preview-title">{t.preview}</h2>
        <div
          id="preview"
          hx-post={`${COMPOSE}/preview`}
          hx-trigger="load, input from:#composer delay:250ms, change from:#composer delay:250ms, htmx:afterSettle from:#kind-fields"
          hx-include="#composer"
          hx-params="not file"
          hx-sync="this:replace"
        >
          <p class="muted">{t.previewEmpty}</p>
        </div>
      </section>
      <section class="card" aria-labelledby="result-title">
        <h2 id="result-title">{t.result}</h2>
        <div id="result" aria-live="polite">
          <p class="muted">{t.resultEmpty}</p>
        </div>
      </section>
    </div>
  );
}

export const composePages: Page[] = [
  page({
    method: 'get',
    path: COMPOSE,
    auth: 'user',
    query: Prefilled,
    async handler({ ctx, view, query }) {
      const t = COMPOSE_TEXTS(view.lang);
      if (!view.canWrite) return { redirect: '/dashboard/messages' };
      const [filled, senders] = await Promise.all([readFilled(ctx, query), readSenders(ctx)]);
      const body =
        senders.sessions.length === 0 ? (
          <div class="card">
            <h1>{t.title}</h1>
            <Empty
              view={view}
              title={t.noSession}
              next={view.may('sessions:write') && <NewSessionLink>{t.addSession}</NewSessionLink>}
            >
              <p>{t.noSessionText}</p>
            </Empty>
          </div>
        ) : (
          <>
            <h1>{t.title}</h1>
            <p>
              <a href={STATUS_PAGE}>{t.toStatus}</a> · <a href={CHANNELS_PAGE}>{t.toChannels}</a> ·{' '}
              <a href={ALBUM_PAGE}>{t.toAlbum}</a>
            </p>
            <div class="split">
              <div class="card">
                <Composer view={view} senders={senders} filled={filled} />
                <CodeButton view={view} form="composer" action={`${COMPOSE}/code`} />
              </div>
              <Aside view={view} />
            </div>
          </>
        );
      return { title: t.title, section: 'messages', body };
    },
  }),
  page({
    method: 'get',
    path: `${COMPOSE}/fields`,
    auth: 'user',
    query: z.object({ kind: z.enum(COMPOSED).default('text').catch('text') }),
    handler: ({ view, query }) => ({ fragment: <KindFields view={view} kind={query.kind} filled={{}} /> }),
  }),
  page({
    method: 'post',
    path: `${COMPOSE}/preview`,
    auth: 'user',
    readOnlyMay: true,
    form: ComposeForm,
    handler({ ctx, view, form, http }) {
      // Looking at what one writes is not an action; it happens at every word.
      http.set('quiet', true);
      return { fragment: <Preview ctx={ctx} view={view} form={form} /> };
    },
  }),
  page({
    method: 'post',
    path: `${COMPOSE}/code`,
    auth: 'user',
    readOnlyMay: true,
    form: ComposeForm,
    handler: ({ ctx, view, form, http }) => {
      http.set('quiet', true);
      const url = `${ctx.config.publicUrl}/message/send-${form.kind}`;
      const request = { method: 'POST', url, body: requestBodyOf(form) };
      const { kind, url: fileUrl }: ComposeForm = form;
      const hasExampleFile = KINDS[kind].hasFile && fileUrl === undefined;
      return { fragment: <CodeBlocks view={view} request={request} hasExampleFile={hasExampleFile} /> };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/messages',
    auth: 'user',
    form: ComposeForm,
    files: ['file'],
    example: { form: { session: 'main', to: '+6281234567890', kind: 'text', text: 'hello' } },
    async handler({ ctx, view, form, files, http }) {
      const target = targetOf(form);
      const content = draftOf(form, files.get('file'));
      const { answer } = await sendMessage(ctx, { ...target, content }).catch(throwInForm);
      const message = await getMessage(ctx, { messageId: answer.messageId, direction: 'out' });
      if (http.req.header('hx-request') === undefined) return { redirect: messagePath(message) };
      const fragment = (
        <>
          <Sent view={view} message={message} />
          {/* Nothing is left to be sent twice by a second click. */}
          <div id="kind-fields" class="stack" hx-swap-oob="innerHTML">
            <KindFields view={view} kind={form.kind} filled={{}} />
          </div>
        </>
      );
      return { fragment };
    },
  }),
  page({
    method: 'get',
    path: '/dashboard/messages/:messageId/sent',
    auth: 'user',
    params: z.object({ messageId: z.string().min(1).max(64) }),
    example: { params: { messageId: '3EB0A1B2C3D4E5F60718293A' } },
    async handler({ ctx, view, params }) {
      return {
        fragment: <Sent view={view} message={await getMessage(ctx, { ...params, direction: 'out' })} />,
      };
    },
  }),
];
