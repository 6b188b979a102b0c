/** The page on which a phone is linked: the QR code or the pairing code, until the session is connected. */

import { type Lang, texts } from '../dashboard/i18n.ts';
import * as english from '../dashboard/locales/en/qr-page.ts';
import * as indonesian from '../dashboard/locales/id/qr-page.ts';
import { sessionPath } from '../dashboard/sessions/parts.tsx';
import { whyByReason } from '../dashboard/sessions/reasons.ts';

/** The words of the page; its script gets the same words. */
const QR_PAGE_TEXTS = texts({ en: english.qrPage, id: indonesian.qrPage });

export interface QrPage {
  lang: Lang;
  sessionId: string;
  /** signed paths, as seen from the root of the service */
  qrPath: string;
  eventsPath: string;
}

/**
 * The document. Addresses are relative to a page two folders deep, as `/session/qr-page/:sessionId` is, so that
 * it works under `/api` and behind a proxy that adds a prefix. The dashboard has one address only.
 */
export function renderQrPage({ lang, sessionId, qrPath, eventsPath }: QrPage): string {
  const t = QR_PAGE_TEXTS(lang);
  const words = JSON.stringify({ ...t, reasons: whyByReason(lang) });
  const page = (
    <html lang={lang}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{t.title(sessionId)}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="../../assets/qr-page.css" />
        <script src="../../assets/qr-page.js" defer></script>
      </head>
      <body>
        <main
          data-qr={`../..${qrPath}`}
          data-events={`../..${eventsPath}`}
          data-words={words}
          data-state="connecting"
        >
          <h1>{sessionId}</h1>
          <p id="note" role="status">
            {t.connecting}
          </p>
          <div class="card">
            <img id="image" alt={t.imageAlt} hidden />
            <div id="code" class="code" hidden />
            <div id="done" class="done" hidden>
              {t.connected}
            </div>
            <div id="passkey" hidden>
              <p id="how" />
              <p>
                <a class="button" href={sessionPath(sessionId, '/link')}>
                  {t.toDashboard}
                </a>
              </p>
              <p class="small">{t.noDashboard}</p>
            </div>
            <button id="renew" type="button" hidden>
              {t.renew}
            </button>
          </div>
          <p id="countdown" hidden />
          <ol id="steps" hidden>
            <li>{t.step1}</li>
            <li>{t.step2}</li>
            <li>{t.step3}</li>
          </ol>
        </main>
      </body>
    </html>
  );
  return `<!doctype html>${page.toString()}`;
}
