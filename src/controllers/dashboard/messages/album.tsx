/** Sending several images and videos as one album. */
import { z } from 'zod';
import { type AlbumItem, albumFields, MAX_ITEMS, sendAlbum } from '../../../services/messages/album.ts';
import { CaptionInput, MAX_URL } from '../../../services/messages/kinds/fields.ts';
import { RecipientInput } from '../../../services/messages/schemas.ts';
import { AppError } from '../../../utils/errors.ts';
import { SessionId } from '../../schemas.ts';
import { texts } from '../i18n.ts';
import { Crumb, Submit } from '../kit.tsx';
import * as english from '../locales/en/messages-album.ts';
import * as indonesian from '../locales/id/messages-album.ts';
import { NumberHint } from '../number-hint.tsx';
import { type Page, page, type View } from '../page.ts';
import { Field, Form, Select, TextArea } from '../parts.tsx';
import { COMPOSE } from '../paths.ts';
import { formPage } from './form-page.ts';
import { linesOf } from './kinds/kind.ts';

const T = texts({ en: english.messagesAlbum, id: indonesian.messagesAlbum });

export const ALBUM_PAGE = '/dashboard/messages/album';

const places = z
  .string()
  .max(MAX_ITEMS * MAX_URL)
  .optional()
  .transform(linesOf);

const AlbumForm = z.object({
  session: SessionId,
  to: RecipientInput,
  images: places,
  videos: places,
  caption: CaptionInput,
});

export const albumPages: Page[] = [
  page({
    method: 'get',
    path: ALBUM_PAGE,
    auth: 'user',
    handler: ({ ctx, view }) =>
      formPage(ctx, view, T(view.lang).title, (sessions) => <AlbumPage view={view} sessions={sessions} />),
  }),
  page({
    method: 'post',
    path: ALBUM_PAGE,
    auth: 'user',
    form: AlbumForm,
    example: {
      form: {
        session: 'main',
        to: '+6281234567890',
        images: 'https://example.com/a.jpg\nhttps://example.com/b.jpg',
      },
    },
    async handler({ ctx, view, form }) {
      const { session, to } = form;
      const { answer } = await sendAlbum(ctx, { session, to, items: itemsOf(form) });
      return { redirect: `/dashboard/messages/${answer.items[0]?.messageId}`, done: T(view.lang).queued };
    },
  }),
];

/** Images before videos; the caption is of the first. Throws VALIDATION_FAILED with the form's own field names. */
function itemsOf({ images, videos, caption }: z.output<typeof AlbumForm>): AlbumItem[] {
  const all: AlbumItem[] = [
    ...images.map((source) => ({ type: 'image' as const, source })),
    ...videos.map((source) => ({ type: 'video' as const, source })),
  ];
  const checked = albumFields.items.safeParse(all.map(({ type, source }) => ({ [type]: source })));
  if (!checked.success) {
    const message = checked.error.issues[0]?.message ?? '';
    throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', { details: { images: message } });
  }
  return all.map((item, n) => (n === 0 ? { ...item, caption } : item));
}

function AlbumPage({ view, sessions }: { view: View; sessions: readonly string[] }) {
  const t = T(view.lang);
  return (
    <>
      <Crumb to={COMPOSE}>{t.back}</Crumb>
      <div class="card narrow">
        <h1>{t.title}</h1>
        <p>{t.about}</p>
        <Form view={view} action={ALBUM_PAGE} class="stack">
          <Select label={t.session} name="session" options={sessions.map((name) => [name, name])} required />
          <Field
            label={t.to}
            name="to"
            inputmode="tel"
            placeholder="+62 812-3456-789"
            hint={<NumberHint>{t.toHint}</NumberHint>}
            autocomplete="off"
            required
          />
          <TextArea label={t.images} name="images" rows={4} hint={t.placesHint} />
          <TextArea label={t.videos} name="videos" rows={2} />
          <TextArea label={t.caption} name="caption" rows={2} />
          <div class="row">
            <Submit>{t.send}</Submit>
          </div>
        </Form>
      </div>
    </>
  );
}
