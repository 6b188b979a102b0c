/** Posting to the status (story) of a session. */

import { z } from 'zod';
import { CaptionInput } from '../../../services/messages/kinds/fields.ts';
import { RecipientInput, TextInput } from '../../../services/messages/schemas.ts';
import { MAX_AUDIENCE, postStatus, statusFields } from '../../../services/messages/status.ts';
import { statusDraft } from '../../message-status.ts';
import { SessionId } from '../../schemas.ts';
import { piecesOf } from '../broadcast/parts.tsx';
import { texts } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import * as english from '../locales/en/messages-status.ts';
import * as indonesian from '../locales/id/messages-status.ts';
import { type Page, page, type View } from '../page.ts';
import { Field, Form, Select, TextArea } from '../parts.tsx';
import { COMPOSE } from '../paths.ts';
import { formPage } from './form-page.ts';

const T = texts({ en: english.messagesStatus, id: indonesian.messagesStatus });

export const STATUS_PAGE = '/dashboard/messages/status';

const StatusForm = z.object({
  session: SessionId,
  recipients: z
    .string()
    .max(20_000)
    .transform(piecesOf)
    .pipe(z.array(RecipientInput).min(1, 'must hold a number').max(MAX_AUDIENCE, 'are more than 256')),
  text: TextInput.optional(),
  background: statusFields.background,
  caption: CaptionInput,
});

export const statusPages: Page[] = [
  page({
    method: 'get',
    path: STATUS_PAGE,
    auth: 'user',
    handler: ({ ctx, view }) =>
      formPage(ctx, view, T(view.lang).title, (sessions) => <StatusPage view={view} sessions={sessions} />),
  }),
  page({
    method: 'post',
    path: STATUS_PAGE,
    auth: 'user',
    form: StatusForm,
    files: ['image', 'video'],
    example: { form: { session: 'main', recipients: '+6281234567890', text: 'hello' } },
    async handler({ ctx, view, form, files }) {
      const { session, recipients, background } = form;
      const content = statusDraft({ text: form.text, caption: form.caption }, files);
      const { answer } = await postStatus(ctx, { session, recipients, background, content });
      return { redirect: `/dashboard/messages/${answer.messageId}`, done: T(view.lang).posted };
    },
  }),
];

function StatusPage({ view, sessions }: { view: View; sessions: readonly string[] }) {
  const t = T(view.lang);
  return (
    <>
      <Crumb to={COMPOSE}>{t.back}</Crumb>
      <div class="card narrow">
        <h1>{t.title}</h1>
        <p>{t.about}</p>
        <Form view={view} action={STATUS_PAGE} class="stack" multipart>
          <Select label={t.session} name="session" options={sessions.map((name) => [name, name])} required />
          <TextArea label={t.recipients} name="recipients" required rows={4} hint={t.recipientsHint} />
          <TextArea label={t.text} name="text" rows={3} maxlength={700} />
          <Field label={t.background} name="background" type="color" value="#075E54" />
          <Field label={t.image} name="image" type="file" accept="image/*" />
          <Field label={t.video} name="video" type="file" accept="video/*" />
          <TextArea label={t.caption} name="caption" rows={2} />
          <div class="row">
            <Submit>{t.post}</Submit>
          </div>
        </Form>
      </div>
    </>
  );
}
