/**
 * The script of the QR page, as the browser gets it. It follows the session's events and asks for the QR every
 * few seconds where events do not come through; it never asks for ever.
 */
export const QR_PAGE_SCRIPT = `'use strict';
(() => {
  const POLL_MS = 3000;
  const MAX_POLLS = 100;
  const page = document.querySelector('main');
  const words = JSON.parse(page.dataset.words);
  const changing = ['image', 'code', 'done', 'passkey', 'countdown', 'steps', 'renew'];
  const parts = {};
  for (const name of ['note', 'how', ...changing]) parts[name] = document.getElementById(name);
  const over = ['logged_out', 'replaced', 'failed'];
  const asked = ['passkey', 'passkey_confirm'];
  let expiresAt = 0;
  let polls = 0;
  let pollTimer = 0;
  let source = null;

  function show(visible, note) {
    for (const name of changing) parts[name].hidden = !visible.includes(name);
    parts.note.textContent = note;
  }

  function showSecret(secret) {
    expiresAt = secret.expiresAt ? Date.parse(secret.expiresAt) : 0;
    page.dataset.state = 'qr';
    if (secret.pairingCode) {
      parts.code.textContent = secret.pairingCode.replace(/^(.{4})(.{4})$/, '$1-$2');
      show(['code', 'countdown', 'steps'], words.enter);
    } else if (secret.qrCode) {
      parts.image.src = secret.qrCode;
      show(['image', 'countdown', 'steps'], words.scan);
    }
    tick();
  }

  const whyOf = (reason) => (reason && Object.hasOwn(words.reasons, reason) ? words.reasons[reason] : '');

  function showStatus(status, reason) {
    page.dataset.state = status;
    if (status === 'connected') {
      show(['done'], words.close);
      stop();
    } else if (over.includes(status)) {
      show([], [words.ended, whyOf(reason)].join(' ').trim());
      stop();
    } else if (status === 'passkey') {
      parts.how.textContent = [whyOf(reason), words.passkeyHow].join(' ').trim();
      show(['passkey'], words.passkey);
    } else if (status === 'passkey_confirm') {
      parts.how.textContent = words.compareHow;
      show(['passkey'], words.compare);
    } else if (status === 'disconnected' && reason !== null) {
      expiresAt = 0;
      show(['renew'], reason === 'pairing_expired' ? words.expired : whyOf(reason) || words.away);
    } else if (status !== 'qr') {
      show([], words.connecting);
    }
  }

  function stop() {
    clearTimeout(pollTimer);
    if (source) source.close();
    source = null;
    expiresAt = 0;
  }

  function tick() {
    const left = Math.ceil((expiresAt - Date.now()) / 1000);
    parts.countdown.textContent = left > 0 ? words.validFor.replace('{n}', String(left)) : '';
  }

  async function ask() {
    let answer;
    try {
      answer = await fetch(page.dataset.qr, { headers: { accept: 'application/json' }, cache: 'no-store' });
    } catch {
      return 'again';
    }
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) showSecret(body);
    else if (answer.status === 409) showStatus('connected', null);
    else if (answer.status === 404 && body.details && over.includes(body.details.status)) {
      showStatus(body.details.status, body.details.reason);
    } else if (answer.status === 404 && body.details && asked.includes(body.details.status)) {
      showStatus(body.details.status, body.details.reason);
      return 'again';
    } else if (answer.status === 404) return 'again';
    else if (answer.status === 401) {
      stop();
      show([], words.linkExpired);
      return 'over';
    }
    return page.dataset.state === 'qr' ? 'again' : 'over';
  }

  async function poll() {
    polls += 1;
    if (polls > MAX_POLLS) return show(['renew'], words.waitedLong);
    if ((await ask()) === 'again') pollTimer = setTimeout(poll, POLL_MS);
  }

  function follow() {
    if (!window.EventSource) return void poll();
    source = new EventSource(page.dataset.events);
    source.addEventListener('qr', (event) => showSecret(JSON.parse(event.data)));
    source.addEventListener('status', (event) => {
      const { status, reason } = JSON.parse(event.data);
      showStatus(status, reason === undefined ? null : reason);
    });
    source.onerror = () => {
      // The browser comes back by itself unless the answer was a refusal.
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        void poll();
      }
    };
  }

  parts.renew.addEventListener('click', async () => {
    show([], words.asking);
    polls = 0;
    clearTimeout(pollTimer);
    if (source) await ask();
    else await poll();
  });
  setInterval(tick, 1000);
  follow();
})();
`;
