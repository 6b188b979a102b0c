/** How one gets the browser extension that signs with a passkey, and the extension itself. */
import { z } from 'zod';
import { EXTENSION_NAME, packPasskeyExtension } from '../../../services/passkey-extension.ts';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/sessions-extension.ts';
import * as indonesian from '../locales/id/sessions-extension.ts';
import { type Page, page } from '../page.ts';

export const EXTENSION_PATH = '/dashboard/passkey-extension';
const ZIP = `${EXTENSION_NAME}.zip`;
const T = texts({ en: english.sessionsExtension, id: indonesian.sessionsExtension });

const Steps = ({ of }: { of: readonly string[] }) => (
  <ol>
    {of.map((step) => (
      <li>{step}</li>
    ))}
  </ol>
);

export const extensionPages: Page[] = [
  page({
    method: 'get',
    path: EXTENSION_PATH,
    auth: 'user',
    handler({ view }) {
      const t = T(view.lang);
      const body = (
        <>
          <h1>{t.title}</h1>
          <p>{t.what}</p>
          <p data-extension="ready" class="alert alert-good" hidden>
            {t.ready}
          </p>
          <p>
            <a class="button primary" href={`${EXTENSION_PATH}/${ZIP}`} download={ZIP}>
              {t.download}
            </a>
          </p>
          <h2>Chrome, Edge, Brave, Opera</h2>
          <Steps of={[t.chrome1, t.chrome2, t.chrome3]} />
          <h2>Firefox</h2>
          <Steps of={[t.firefox1, t.firefox2, t.firefox3]} />
          <h2>{t.allowTitle}</h2>
          <Steps of={[t.allow1, t.allow2, t.allow3]} />
          <h2>{t.mayTitle}</h2>
          <ul>
            {[t.may1, t.may2, t.may3, t.may4].map((line) => (
              <li>{line}</li>
            ))}
          </ul>
          <h2>{t.phoneTitle}</h2>
          <p>{t.phone}</p>
          <p>
            <a href="/dashboard/sessions">{t.back}</a>
          </p>
        </>
      );
      return { title: t.title, section: 'sessions', body };
    },
  }),
  page({
    method: 'get',
    path: `${EXTENSION_PATH}/:file`,
    auth: 'user',
    params: z.object({ file: z.literal(ZIP) }),
    example: { params: { file: ZIP } },
    async handler({ http }) {
      return http.body(new Uint8Array(await packPasskeyExtension()), 200, {
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename="${ZIP}"`,
        'cache-control': 'no-cache',
      });
    },
  }),
];
