/** A failure as a person reads it: a page, or the lines above the form that caused it. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { HttpContext } from '../../middlewares/http-env.ts';
import { type AppError, ERROR_STATUS } from '../../utils/errors.ts';
import { texts } from './i18n.ts';
import { Layout } from './layout.tsx';
import type { View } from './page.ts';

const T = texts({
  en: {
    title: 'That did not work',
    missing: 'Not found',
    back: 'Back to the overview',
    id: (id: string) => `Request ${id}`,
  },
  id: {
    title: 'Tidak berhasil',
    missing: 'Tidak ditemukan',
    back: 'Kembali ke ringkasan',
    id: (id: string) => `Permintaan ${id}`,
  },
});

/** For htmx the lines go into `#alert`, and what was typed stays; otherwise they are a page of their own. */
export function answerPageFailure(
  c: HttpContext,
  view: View,
  failure: AppError,
): Response | Promise<Response> {
  c.set('failure', failure.code);
  c.set('failureMessage', failure.message);
  if (failure.retryAfterSeconds !== undefined) {
    c.header('retry-after', String(Math.max(1, Math.ceil(failure.retryAfterSeconds))));
  }
  const status = toStatus(ERROR_STATUS[failure.code]);
  const lines = <FailureLines failure={failure} />;
  if (c.req.header('hx-request') !== undefined) {
    c.header('hx-retarget', '#alert');
    c.header('hx-reswap', 'innerHTML');
    return c.html(lines, status);
  }
  const t = T(view.lang);
  const title = failure.code === 'NOT_FOUND' || failure.code === 'SESSION_NOT_FOUND' ? t.missing : t.title;
  const page = (
    <Layout view={view} title={title} section={null} done={null}>
      <h1>{title}</h1>
      <div class="alert alert-bad">{lines}</div>
      <p class="muted">{t.id(c.get('requestId'))}</p>
      <p>
        <a class="button" href="/dashboard">
          {t.back}
        </a>
      </p>
    </Layout>
  );
  return c.html(`<!doctype html>${page.toString()}`, status);
}

function FailureLines({ failure }: { failure: AppError }) {
  const details = failure.code === 'VALIDATION_FAILED' ? Object.entries(failure.details ?? {}) : [];
  return (
    <>
      <p>
        <strong>{failure.message}</strong>
      </p>
      {details.length > 0 && (
        <ul>
          {details.map(([field, reason]) => (
            <li data-field={field}>
              <b>{field}</b> {String(reason)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Safe because every status of a failure has a body. */
function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}
