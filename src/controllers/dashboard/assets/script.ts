/**
 * The script of every page, as the browser gets it. Pages work by htmx; this adds what htmx does not do: times in the
 * reader's zone, fields marked that a form was refused for, copying, and events that refresh parts of a page.
 *
 * `data-live="message.sent session.status"` on a part: it gets the htmx event `live` when one of these happens to
 * the tenant (one event stream a page, however many parts follow it), so `hx-trigger="live, every 30s"` refreshes it.
 */
export const DASHBOARD_SCRIPT = `'use strict';
(() => {
  const LIVE_GAP_MS = 400;
  const lang = document.documentElement.lang;
  const format = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'medium' });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });

  function showTimes(root) {
    for (const element of root.querySelectorAll('time[datetime]')) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      element.title = format.format(at);
      element.textContent = element.dataset.relative === undefined ? format.format(at) : ago(at);
    }
    for (const element of root.querySelectorAll('[data-until]')) countDown(element);
  }

  function ago(at) {
    const seconds = Math.round((at.getTime() - Date.now()) / 1000);
    const size = Math.abs(seconds);
    if (size < 60) return relative.format(seconds, 'second');
    if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
    if (size < 86400) return relative.format(Math.round(seconds / 3600), 'hour');
    return relative.format(Math.round(seconds / 86400), 'day');
  }

  function countDown(element) {
    const left = Math.ceil((Date.parse(element.dataset.until) - Date.now()) / 1000);
    element.textContent = left > 0 ? String(left) : '0';
  }

  /** The fields that the lines of #alert name. */
  function markFields() {
    for (const field of document.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
    let first = null;
    for (const line of document.querySelectorAll('#alert [data-field]')) {
      const name = line.dataset.field.split('.')[0];
      const field = document.getElementsByName(name)[0];
      if (!field) continue;
      field.setAttribute('aria-invalid', 'true');
      field.setAttribute('aria-describedby', 'alert');
      if (!first) first = field;
    }
    const alert = document.getElementById('alert');
    if (alert && alert.childElementCount > 0) alert.scrollIntoView({ block: 'nearest' });
    if (first) first.focus();
  }

  /** Puts what a button holds where the cursor stands in its text. */
  function insert(button) {
    const field = document.getElementById(button.dataset.into);
    if (!field) return;
    const { selectionStart, selectionEnd } = field;
    field.setRangeText(button.dataset.insert, selectionStart, selectionEnd, 'end');
    field.focus();
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    if (!source || !navigator.clipboard) return;
    const text = 'value' in source ? source.value : source.textContent;
    navigator.clipboard.writeText(text).then(() => {
      const before = button.textContent;
      button.textContent = button.dataset.copied || '\\u2713';
      setTimeout(() => { button.textContent = before; }, 1500);
    }, () => undefined);
  }

  /** A form with a file: its part [data-upload] shows how much has been sent. */
  function showUpload(form, loaded, total) {
    const part = form.querySelector('[data-upload]');
    if (!part) return;
    part.hidden = loaded < 0;
    if (loaded < 0) return;
    part.querySelector('progress').value = total > 0 ? Math.floor((100 * loaded) / total) : 0;
    const text = part.querySelector('[data-upload-text]');
    const said = loaded >= total && total > 0 ? text.dataset.sent : text.dataset.sending;
    if (text.textContent !== said) text.textContent = said;
  }

  let stream = null;
  const heard = new Set();
  const waiting = new Map();
  /** What each live part showed last, by its id. */
  const shown = new Map();

  function follow() {
    const parts = [...document.querySelectorAll('[data-live]')];
    if (parts.length === 0 || !window.EventSource) return;
    if (!stream) {
      stream = new EventSource('/events');
      window.addEventListener('pagehide', () => stream.close());
    }
    for (const name of [...parts.flatMap((part) => part.dataset.live.split(' ')), 'reset']) {
      if (heard.has(name)) continue;
      heard.add(name);
      stream.addEventListener(name, () => tell(name));
    }
  }

  function tell(name) {
    for (const part of document.querySelectorAll('[data-live]')) {
      if (name !== 'reset' && !part.dataset.live.split(' ').includes(name)) continue;
      if (waiting.has(part)) continue;
      waiting.set(part, setTimeout(() => {
        waiting.delete(part);
        if (part.isConnected) window.htmx.trigger(part, 'live');
      }, LIVE_GAP_MS));
    }
  }

  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('[data-copy]') : null;
    if (button) copy(button);
    const inserted = event.target instanceof Element ? event.target.closest('[data-insert]') : null;
    if (inserted) insert(inserted);
    for (const menu of document.querySelectorAll('details.account[open]')) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    for (const menu of document.querySelectorAll('details.account[open]')) menu.open = false;
  });
  document.addEventListener('htmx:beforeRequest', (event) => {
    if (event.detail.requestConfig.verb !== 'get') document.getElementById('alert').replaceChildren();
  });
  document.addEventListener('htmx:beforeSwap', (event) => {
    const { target, xhr } = event.detail;
    if (!event.detail.shouldSwap || !target.matches('[data-live][id]')) return;
    // What has not changed stays: nothing flickers, loses its focus or is read out again.
    if (shown.get(target.id) === xhr.responseText) event.detail.shouldSwap = false;
    shown.set(target.id, xhr.responseText);
  });
  document.addEventListener('htmx:afterSettle', (event) => {
    showTimes(document);
    if (event.detail.target && event.detail.target.id === 'alert') markFields();
    follow();
  });
  document.addEventListener('htmx:xhr:progress', (event) => {
    const { lengthComputable, loaded, total } = event.detail;
    // Of the answer's own progress the upload part wants to know nothing.
    if (lengthComputable && event.target.querySelector('input[type=file]')) showUpload(event.target, loaded, total);
  });
  document.addEventListener('htmx:afterRequest', (event) => {
    if (!event.detail.xhr.getResponseHeader('hx-redirect')) showUpload(event.target, -1, 0);
  });
  document.addEventListener('htmx:sendError', () => {
    const line = document.createElement('p');
    line.textContent = lang === 'id' ? 'Layanan tidak dapat dihubungi. Coba lagi.' : 'The service cannot be reached. Try again.';
    document.getElementById('alert').replaceChildren(line);
  });
  setInterval(() => {
    for (const element of document.querySelectorAll('[data-until]')) countDown(element);
  }, 1000);
  showTimes(document);
  follow();
})();
`;
