/** Taking over a link of another gateway, and giving one away. */

import { z } from 'zod';
import {
  ExportSessionQuery,
  exportSession,
  ImportSessionInput,
  importSession,
  SessionId,
} from '../../../services/sessions/index.ts';
import { AppError } from '../../../utils/errors.ts';
import type { LinkFlaw } from '../../../whatsapp/link-check.ts';
import { answerZip, IMPORT_LIMIT, MAX_IMPORT_BYTES } from '../../session-transfer.ts';
import { UploadForm } from '../broadcast/upload.tsx';
import { type Lang, texts } from '../i18n.ts';
import { Crumb } from '../kit.tsx';
import * as english from '../locales/en/sessions-transfer.ts';
import * as indonesian from '../locales/id/sessions-transfer.ts';
import { type Page, page, type View } from '../page.ts';
import { Field } from '../parts.tsx';
import { sessionPath } from './parts.tsx';
import { ProxyField } from './settings.tsx';
import { SESSION_TEXTS } from './texts.ts';

const T = texts({ en: english.transfer, id: indonesian.transfer });
const IMPORT = '/dashboard/import-session';

/** The creds come from a text field: JSON as it is in the other program's table. */
const ImportForm = ImportSessionInput.pick({ sessionId: true, proxy: true }).extend({
  creds: z.string().max(200_000).optional(),
  stopped: z.literal('true', 'the old program must be stopped first'),
});

/** Where a new session is added: the way for those who have a link. */
export function ImportOffer({ view }: { view: View }) {
  const t = T(view.lang);
  return (
    <p>
      {t.offer} <a href={IMPORT}>{t.offerLink}</a>
    </p>
  );
}

/** The file is a download, so no script sends this form. */
export function ExportForm({ view, sessionId }: { view: View; sessionId: string }) {
  const t = T(view.lang);
  return (
    <details>
      <summary>{t.exportTitle}</summary>
      <p class="muted small">{t.exportHint}</p>
      <form method="post" action={sessionPath(sessionId, '/export')} class="stack">
        <input type="hidden" name="_csrf" value={view.csrf} />
        <Field
          label={t.exportConfirm(sessionId)}
          name="confirm"
          id="f-confirm-export"
          autocomplete="off"
          required
          maxlength={100}
        />
        <button type="submit" class="danger">
          {t.exportButton}
        </button>
      </form>
    </details>
  );
}

function ImportBody({ view }: { view: View }) {
  const t = T(view.lang);
  const s = SESSION_TEXTS(view.lang);
  return (
    <>
      <Crumb to="/dashboard/sessions">{s.title}</Crumb>
      <h1>{t.title}</h1>
      <div class="split">
        <div class="card">
          <p class="muted">{t.intro}</p>
          <FileForm view={view} />
        </div>
        <div>
          <div class="alert alert-warn" role="note">
            <b>{t.stopTitle}</b>
            <p>{t.stop}</p>
          </div>
          <div class="card">
            <h2>{t.checkedTitle}</h2>
            <ul>
              <li>{t.check1}</li>
              <li>{t.check2}</li>
              <li>{t.check3}</li>
              <li>{t.check4}</li>
            </ul>
          </div>
        </div>
      </div>
    </>
  );
}

function FileForm({ view }: { view: View }) {
  const t = T(view.lang);
  const s = SESSION_TEXTS(view.lang);
  return (
    <UploadForm
      view={view}
      action={IMPORT}
      label={t.file}
      hint={t.fileHint}
      accept=".zip,.tar,.gz,.tgz,.json"
      button={t.button}
    >
      <Field
        label={s.name}
        name="sessionId"
        hint={s.nameHint}
        placeholder={s.namePlaceholder}
        maxlength={100}
        pattern="[A-Za-z0-9_.\-]+"
        autocomplete="off"
      />
      <Field label={t.creds} name="creds" hint={t.credsHint} maxlength={200_000} autocomplete="off" />
      <ProxyField view={view} label={t.proxy} hint={t.proxyHint} />
      <label class="check">
        <input type="checkbox" name="stopped" value="true" required /> {t.stopped}
      </label>
    </UploadForm>
  );
}

/** The flaw of a link, in the reader's language. */
function explained(lang: Lang, error: unknown): unknown {
  const flaw = error instanceof AppError ? error.details?.flaw : undefined;
  if (!(error instanceof AppError) || typeof flaw !== 'string') return error;
  // Safe because only `importSession` names flaws, and the compiler keeps a sentence for each of them.
  const sentence = T(lang)[`flaw_${flaw as LinkFlaw}`];
  return new AppError(error.code, error.message, { details: { file: sentence } });
}

export const transferPages: Page[] = [
  page({
    method: 'get',
    path: IMPORT,
    auth: 'user',
    handler({ view }) {
      if (!view.canWrite) return { redirect: '/dashboard/sessions' };
      return { title: T(view.lang).title, section: 'sessions', body: <ImportBody view={view} /> };
    },
  }),
  page({
    method: 'post',
    path: IMPORT,
    auth: 'user',
    limit: IMPORT_LIMIT,
    form: ImportForm,
    files: ['file'],
    fileLimit: () => ({ bytes: MAX_IMPORT_BYTES, setting: null }),
    example: { form: { sessionId: 'main', creds: '{}', stopped: 'true' } },
    async handler({ ctx, view, form, files }) {
      const { stopped: _said, ...input } = form;
      const imported = await importSession(ctx, { ...input, file: files.get('file') }).catch((error) => {
        throw explained(view.lang, error);
      });
      const { session, keys, leftOut } = imported;
      const count = Object.values(keys).reduce((sum, n) => sum + n, 0);
      return {
        redirect: sessionPath(session.sessionId),
        done: T(view.lang).done(session.phoneNumber ?? '', count, leftOut),
      };
    },
  }),
  page({
    method: 'post',
    path: '/dashboard/sessions/:sessionId/export',
    auth: 'user',
    params: z.object({ sessionId: SessionId }),
    form: ExportSessionQuery,
    example: { params: { sessionId: 'main' }, form: { confirm: 'main' } },
    handler: async ({ ctx, params, form }) => answerZip(await exportSession(ctx, { ...params, ...form })),
  }),
];
