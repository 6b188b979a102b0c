/**
 * The script of the QR page, as the browser gets it. It follows the session's events and asks for the QR every
 * few seconds where events do not come through; it never asks for ever.
 */
export const QR_PAGE_SCRIPT = `'use strict';
(() => {
  const POLL_MS = 3000;
  const MAX_POLLS = 100;
  const page = document.querySelector('main');
  const parts = {};
  for (const name of ['image', 'code', 'done', 'note', 'countdown', 'steps', 'renew']) {
    parts[name] = document.getElementById(name);
  }
  const over = ['logged_out', 'replaced', 'failed'];
  let expiresAt = 0;
  let polls = 0;
  let pollTimer = 0;
  let source = null;

  function show(visible, note) {
    for (const name of ['image', 'code', 'done', 'countdown', 'steps', 'renew']) {
      parts[name].hidden = !visible.includes(name);
    }
    parts.note.textContent = note;
  }

  function showSecret(secret) {
    expiresAt = secret.expiresAt ? Date.parse(secret.expiresAt) : 0;
    page.dataset.state = 'qr';
    if (secret.pairingCode) {
      parts.code.textContent = secret.pairingCode.replace(/^(.{4})(.{4})$/, '$1-$2');
      show(['code', 'countdown', 'steps'], 'Enter this code on your phone.');
    } else if (secret.qrCode) {
      parts.image.src = secret.qrCode;
      show(['image', 'countdown', 'steps'], 'Scan this code with your phone.');
    }
    tick();
  }

  function showStatus(status, reason) {
    page.dataset.state = status;
    if (status === 'connected') {
      show(['done'], 'You can close this page.');
      stop();
    } else if (over.includes(status)) {
      show([], 'This session has ended' + (reason ? ' (' + reason.replaceAll('_', ' ') + ').' : '.'));
      stop();
    } else if (status === 'disconnected' && reason !== null) {
      expiresAt = 0;
      show(['renew'], reason === 'pairing_expired' ? 'The code has expired.' : 'Not connected at the moment.');
    } else if (status !== 'qr') {
      show([], 'Connecting\\u2026');
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
    parts.countdown.textContent = left > 0 ? 'Valid for ' + left + ' s' : '';
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
    } else if (answer.status === 404) return 'again';
    else if (answer.status === 401) {
      stop();
      show([], 'This link has expired. Ask for a new one.');
      return 'over';
    }
    return page.dataset.state === 'qr' ? 'again' : 'over';
  }

  async function poll() {
    polls += 1;
    if (polls > MAX_POLLS) return show(['renew'], 'This page has waited for a long time.');
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
    show([], 'Asking for a new code\\u2026');
    polls = 0;
    clearTimeout(pollTimer);
    if (source) await ask();
    else await poll();
  });
  setInterval(tick, 1000);
  follow();
})();
`;
