/** The page on which a phone is linked: the QR code or the pairing code, until the session is connected. */

export interface QrPage {
  sessionId: string;
  /** signed paths, as seen from the root of the service */
  qrPath: string;
  eventsPath: string;
}

/**
 * The document. Addresses are relative to a page two folders deep, as `/session/qr-page/:sessionId` is, so that
 * it works under `/api` and behind a proxy that adds a prefix.
 */
export function renderQrPage({ sessionId, qrPath, eventsPath }: QrPage): string {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`Link ${sessionId}`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="../../assets/qr-page.css" />
        <script src="../../assets/qr-page.js" defer></script>
      </head>
      <body>
        <main data-qr={`../..${qrPath}`} data-events={`../..${eventsPath}`} data-state="connecting">
          <h1>{sessionId}</h1>
          <p id="note" role="status">
            Connecting…
          </p>
          <div class="card">
            <img id="image" alt="QR code to be scanned with WhatsApp" hidden />
            <div id="code" class="code" hidden />
            <div id="done" class="done" hidden>
              Connected
            </div>
            <button id="renew" type="button" hidden>
              Show a new code
            </button>
          </div>
          <p id="countdown" hidden />
          <ol id="steps" hidden>
            <li>Open WhatsApp on your phone.</li>
            <li>
              Open <b>Settings</b> (or the menu), then <b>Linked devices</b>.
            </li>
            <li>
              Tap <b>Link a device</b> and scan the code; for a code of letters choose{' '}
              <b>Link with phone number instead</b>.
            </li>
          </ol>
        </main>
      </body>
    </html>
  );
  return `<!doctype html>${page.toString()}`;
}
