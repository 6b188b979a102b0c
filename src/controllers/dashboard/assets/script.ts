/**
 * The script of every page, as the browser gets it. Pages work by htmx; this adds what htmx does not do: times in the
 * workspace's zone, with its name, fields marked that a form was refused for, copying, and events that refresh parts of a page.
 *
 * `data-live="message.sent session.status"` on a part: it gets the htmx event `live` when one of these happens to
 * the tenant (one event stream a page, however many parts follow it), so `hx-trigger="live, every 30s"` refreshes it.
 * `data-moment="id"` on a date and time of that zone: the input of that id gets it as ISO 8601. `data-shows="id"` on an image:
 * the picture that is chosen in that file input; `data-names="id"`: its name. `data-reset` on a form: it is emptied
 * once it was taken. `data-end`: a part that is scrolled to its end. `data-extension="ready"` or `"missing"`: shown when
 * the browser has our extension, or has not; `data-passkey="get"` or `"create"`: asks the browser for one by
 * `data-options`, as JSON; `data-sign`: what the extension is to have signed, as JSON.
 */
export const DASHBOARD_SCRIPT = `'use strict';
(() => {
  const LIVE_GAP_MS = 400;
  const lang = document.documentElement.lang;
  /** Of the workspace, wherever the browser is. */
  const timeZone = knownZone(document.body.dataset.zone);
  const shape = { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' };
  const formatIn = (locale, options) => new Intl.DateTimeFormat(locale, { ...options, timeZone, hourCycle: 'h23' });
  const format = formatIn(lang, { ...shape, timeZoneName: 'short' });
  /** Only Indonesian has names for the zones of Indonesia. */
  const localFormat = formatIn('id', { timeZoneName: 'short' });
  const wallClock = formatIn('en-US', { ...shape, month: 'numeric' });
  const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });

  /** One that this browser does not know: UTC, which the times name. */
  function knownZone(zone) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone || undefined });
      return zone || undefined;
    } catch {
      return 'UTC';
    }
  }

  function showTimes(root) {
    for (const element of root.querySelectorAll('time[datetime]')) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      element.title = sayMoment(at);
      element.textContent = element.dataset.relative === undefined ? element.title : ago(at);
    }
    for (const element of root.querySelectorAll('[data-until]')) countDown(element);
    for (const input of root.querySelectorAll('[data-moment][disabled]')) openMoment(input);
    for (const part of root.querySelectorAll('[data-end]')) if (!away.has(part)) part.scrollTop = part.scrollHeight;
    showFiles();
  }

  const zoneIn = (one, at) => one.formatToParts(at).find(({ type }) => type === 'timeZoneName').value;

  function zoneNameAt(at) {
    const name = zoneIn(format, at);
    const local = zoneIn(localFormat, at);
    return /^(?:GMT|UTC)[+-]/.test(name) && /^WI(?:B|T|TA)$/.test(local) ? local : name;
  }

  /** The moment with the name of its zone. */
  const sayMoment = (at) => format.format(at).replace(zoneIn(format, at), zoneNameAt(at));

  /** Milliseconds by which the clocks of the zone are ahead of UTC then. */
  function offsetAt(at) {
    const part = new Map(wallClock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const shown = Date.UTC(part.get('year'), part.get('month') - 1, part.get('day'), part.get('hour'), part.get('minute'), part.get('second'));
    return shown - Math.floor(at / 1000) * 1000;
  }

  /** Parts that somebody has scrolled up. */
  const away = new WeakSet();

  /** Local times are what people type; what is sent is the moment. */
  function openMoment(input) {
    const iso = document.getElementById(input.dataset.moment);
    const at = new Date(iso.value);
    if (!Number.isNaN(at.getTime())) {
      input.value = new Date(at.getTime() + offsetAt(at.getTime())).toISOString().slice(0, 16);
    }
    const zone = document.createElement('span');
    zone.className = 'muted small';
    zone.textContent = ' ' + zoneNameAt(Number.isNaN(at.getTime()) ? new Date() : at);
    if (input.labels[0]) input.labels[0].append(zone);
    input.disabled = false;
    input.addEventListener('input', () => keepMoment(input));
  }

  function keepMoment(input) {
    const shown = Date.parse(input.value + 'Z');
    const iso = document.getElementById(input.dataset.moment);
    // The offset of the moment itself counts, on either side of a change of the clocks.
    iso.value = Number.isNaN(shown) ? '' : new Date(shown - offsetAt(shown - offsetAt(shown))).toISOString();
  }

  const pictures = new WeakMap();
  const chosenIn = (id) => {
    const input = document.getElementById(id);
    return input && input.files ? input.files[0] : undefined;
  };

  function showFiles() {
    for (const image of document.querySelectorAll('[data-shows]')) {
      const file = chosenIn(image.dataset.shows);
      const isPicture = file !== undefined && file.type.startsWith('image/');
      image.hidden = !isPicture;
      if (!isPicture) continue;
      if (!pictures.has(file)) pictures.set(file, URL.createObjectURL(file));
      image.src = pictures.get(file);
    }
    for (const element of document.querySelectorAll('[data-names]')) {
      const file = chosenIn(element.dataset.names);
      if (file) element.textContent = file.name + ' \u00b7 ' + Math.ceil(file.size / 1000) + ' kB';
    }
  }

  /** Days are those of the calendar, in the zone of the times. */
  const calendar = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });

  const dayOf = (at) => Math.round(Date.parse(calendar.format(at) + 'T00:00:00Z') / 86400000);

  function ago(at) {
    const seconds = Math.round((at.getTime() - Date.now()) / 1000);
    const size = Math.abs(seconds);
    if (size < 60) return relative.format(seconds, 'second');
    if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
    const days = dayOf(at) - dayOf(new Date());
    if (size < 43200 || days === 0) return relative.format(Math.round(seconds / 3600), 'hour');
    return relative.format(days, 'day');
  }

  function countDown(element) {
    const left = Math.ceil((Date.parse(element.dataset.until) - Date.now()) / 1000);
    element.textContent = left > 0 ? String(left) : '0';
  }

  const alertPart = () => document.getElementById('alert');
  /** Parts that ask by themselves, such as a preview: what they are answered is no answer to what somebody tried. */
  const asksByItself = (element) => !element.matches('form, button');

  function clearErrors() {
    alertPart().replaceChildren();
    clearMarks();
  }

  function clearMarks() {
    for (const error of document.querySelectorAll('[data-error]')) error.remove();
    for (const field of document.querySelectorAll('[aria-invalid]')) {
      field.removeAttribute('aria-invalid');
      if (field.dataset.described) field.setAttribute('aria-describedby', field.dataset.described);
      else field.removeAttribute('aria-describedby');
    }
  }

  /** The first field with one of these names: of the form that was sent, else of the page. */
  function fieldOf(form, names) {
    for (const name of names) {
      const fields = [...document.getElementsByName(name)];
      const field = fields.find((one) => one.form === form) || fields[0];
      if (!field) continue;
      return field.type === 'hidden' ? document.querySelector('[data-moment="' + field.id + '"]') : field;
    }
    return null;
  }

  /** The words of the line, at its field. */
  function putError(field, words, place) {
    const error = document.createElement('span');
    error.className = 'error';
    error.dataset.error = '';
    error.id = 'error-' + place;
    error.textContent = words;
    const part = field.closest('.field');
    if (part) part.append(error);
    else field.after(error);
    if (!field.hasAttribute('aria-invalid')) field.dataset.described = field.getAttribute('aria-describedby') || '';
    field.setAttribute('aria-invalid', 'true');
    const described = field.getAttribute('aria-describedby');
    field.setAttribute('aria-describedby', described ? described + ' ' + error.id : error.id);
  }

  /** The fields that the lines of #alert name. */
  function markFields(form, quietly) {
    clearMarks();
    let first = null;
    for (const [place, line] of [...document.querySelectorAll('#alert [data-field]')].entries()) {
      const field = fieldOf(form, line.dataset.field.split(' ').map((name) => name.split('.')[0]));
      if (!field) continue;
      putError(field, line.textContent, place);
      if (!first) first = field;
    }
    if (quietly) return;
    if (alertPart().childElementCount > 0) alertPart().scrollIntoView({ block: 'nearest' });
    if (!first) return;
    first.focus();
  }

  /** Puts what a button holds where the cursor is in its text. */
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

  /** Parts of a form that count only while a field of it has one of the values they name. */
  function showWhen(root) {
    for (const part of root.querySelectorAll('fieldset[data-when]')) {
      const form = part.closest('form');
      const field = form && form.elements.namedItem(part.dataset.when);
      const value = field ? field.value : '';
      part.disabled = !part.dataset.is.split(' ').includes(value);
      part.hidden = part.disabled;
    }
  }

  /** What was saved for the first time has an address from then on, which a reload finds. */
  function nameAddress() {
    const named = document.querySelector('[data-address]');
    if (named && location.pathname !== named.dataset.address) history.replaceState(null, '', named.dataset.address);
  }

  /** The reader's own time zone, where nothing else was chosen. */
  function chooseZones() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const select of document.querySelectorAll('[data-own-zone] select')) {
      if ([...select.options].some((option) => option.value === zone)) select.value = zone;
    }
  }

  /** A form with a file: its part [data-upload] shows how much has been sent. It may be elsewhere and name the form. */
  function showUpload(form, loaded, total) {
    const part = form.querySelector('[data-upload]') ||
      [...document.querySelectorAll('[data-upload]')].find((other) => form.id && other.dataset.upload === form.id);
    if (!part) return;
    part.hidden = loaded < 0;
    if (loaded < 0) return;
    part.querySelector('progress').value = total > 0 ? Math.floor((100 * loaded) / total) : 0;
    const text = part.querySelector('[data-upload-text]');
    const said = loaded >= total && total > 0 ? text.dataset.sent : text.dataset.sending;
    if (text.textContent !== said) text.textContent = said;
  }

  /** Whether our extension has said that it serves this page. What is said to it is in extension/README.md. */
  let hasExtension = false;
  const tellExtension = (message) => window.postMessage({ to: 'wahub-passkey', ...message }, location.origin);

  function showExtension() {
    for (const part of document.querySelectorAll('[data-extension]')) {
      part.hidden = (part.dataset.extension === 'ready') !== hasExtension;
    }
    for (const part of hasExtension ? document.querySelectorAll('[data-without-extension]') : []) part.open = false;
  }

  function saySigning(button, word) {
    button.disabled = word === 'waiting' || word === 'signed';
    const words = JSON.parse(button.dataset.words);
    document.querySelector('[data-sign-note]').textContent = Object.hasOwn(words, word) ? words[word] : words.failed;
  }

  function askExtension(button) {
    const options = JSON.parse(button.dataset.sign);
    tellExtension({ what: 'sign', id: options.challenge, options });
    saySigning(button, 'waiting');
  }

  function hearExtension({ what, id, assertion, error }) {
    if (what === 'ready') {
      hasExtension = true;
      return showExtension();
    }
    // Another request may be here by now.
    const button = [...document.querySelectorAll('[data-sign]')].find((one) => JSON.parse(one.dataset.sign).challenge === id);
    const field = document.querySelector('textarea[name="assertion"]');
    if (!button || !field) return;
    saySigning(button, what === 'signed' ? 'signed' : error);
    if (what !== 'signed') return;
    field.value = JSON.stringify(assertion);
    field.form.requestSubmit();
  }

  /** The number of alarms stands in the title and marks the icon, also in a tab behind. */
  function showAlarms() {
    const part = document.querySelector('[data-alarms]');
    const icon = document.querySelector('link[rel="icon"][data-marked]');
    if (!part || !icon) return;
    const count = Number(part.dataset.alarms);
    document.title = (count > 0 ? '(' + count + ') ' : '') + document.title.replace(/^\\(\\d+\\) /, '');
    icon.href = count > 0 ? icon.dataset.marked : icon.dataset.plain;
  }

  let stream = null;
  const heard = new Set();
  const waiting = new Map();
  /** The last content of each live part, by its id. */
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

  function isTouched(part) {
    return [...part.querySelectorAll('input, textarea, select')].some((field) => {
      if (field === document.activeElement) return true;
      if (!field.options) return field.type !== 'hidden' && field.value !== field.defaultValue;
      return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
    });
  }

  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('[data-copy]') : null;
    if (button) copy(button);
    const signing = event.target instanceof Element ? event.target.closest('[data-sign]') : null;
    if (signing) askExtension(signing);
    const inserted = event.target instanceof Element ? event.target.closest('[data-insert]') : null;
    if (inserted) insert(inserted);
  });
  document.addEventListener('change', (event) => {
    const form = event.target.form;
    if (form) showWhen(form);
  });
  // A page that the browser has kept knows an older version of the draft than it has written since.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted && document.getElementById('draft-state')) location.reload();
  });
  document.addEventListener('htmx:beforeRequest', (event) => {
    const { elt, requestConfig } = event.detail;
    // An error stays until somebody tries again.
    if (requestConfig.verb !== 'get' && elt.matches('form, button[type="submit"]')) clearErrors();
  });
  document.addEventListener('htmx:beforeSwap', (event) => {
    const { target, xhr, requestConfig } = event.detail;
    if (target === alertPart() && asksByItself(requestConfig.elt) && target.childElementCount > 0) {
      event.detail.shouldSwap = false;
    }
    if (!event.detail.shouldSwap || !target.matches('[data-live][id]')) return;
    // What has not changed stays: nothing flickers, loses its focus or is read out again. Nor goes what somebody types.
    if (shown.get(target.id) === xhr.responseText || isTouched(target)) event.detail.shouldSwap = false;
    else shown.set(target.id, xhr.responseText);
  });
  document.addEventListener('htmx:afterSettle', (event) => {
    showTimes(document);
    nameAddress();
    showAlarms();
    showExtension();
    const { target, requestConfig } = event.detail;
    if (target && target === alertPart()) {
      const { elt, path } = requestConfig;
      target.dataset.by = asksByItself(elt) ? path : '';
      markFields(elt.closest('form'), asksByItself(elt));
    }
    follow();
  });
  document.addEventListener('htmx:xhr:progress', (event) => {
    const { lengthComputable, loaded, total } = event.detail;
    const hasFile = [...(event.target.elements || [])].some((field) => field.type === 'file');
    if (lengthComputable && hasFile) showUpload(event.target, loaded, total);
  });
  document.addEventListener('htmx:afterRequest', (event) => {
    if (!event.detail.xhr.getResponseHeader('hx-redirect')) showUpload(event.target, -1, 0);
  });
  document.addEventListener('htmx:afterRequest', (event) => {
    const form = event.detail.elt;
    if (event.detail.successful && form instanceof HTMLFormElement && 'reset' in form.dataset) form.reset();
  });
  /** Asks the browser for a passkey; what it gives goes with the form. */
  async function usePasskey(button) {
    const form = button.closest('form');
    const note = form.querySelector('[data-passkey-note]');
    const isNew = button.dataset.passkey === 'create';
    const { startRegistration, startAuthentication } = window.SimpleWebAuthnBrowser;
    button.disabled = true;
    note.textContent = '';
    try {
      const optionsJSON = JSON.parse(button.dataset.options);
      const given = await (isNew ? startRegistration : startAuthentication)({ optionsJSON });
      const field = form.elements.namedItem(isNew ? 'attestation' : 'assertion');
      field.value = JSON.stringify(given);
      // The code is asked for where there is no passkey.
      const code = form.elements.namedItem('code');
      if (code) code.value = '';
      form.requestSubmit();
    } catch {
      note.textContent = button.dataset.failed;
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest('[data-passkey]') : null;
    if (button) usePasskey(button);
  });
  window.addEventListener('message', ({ source, origin, data }) => {
    if (source === window && origin === location.origin && data && data.from === 'wahub-passkey') hearExtension(data);
  });
  document.addEventListener('change', showFiles);
  document.addEventListener('reset', (event) => setTimeout(() => {
    for (const input of event.target.querySelectorAll('[data-moment]')) keepMoment(input);
    showFiles();
  }));
  document.addEventListener('scroll', ({ target }) => {
    if (!(target instanceof Element) || !target.matches('[data-end]')) return;
    if (target.scrollHeight - target.scrollTop - target.clientHeight > 40) away.add(target);
    else away.delete(target);
  }, true);
  // A picture that comes late must not push the newest message out of sight.
  document.addEventListener('load', ({ target }) => {
    const part = target instanceof Element ? target.closest('[data-end]') : null;
    if (part && !away.has(part)) part.scrollTop = part.scrollHeight;
  }, true);
  document.addEventListener('htmx:afterRequest', (event) => {
    const { successful, requestConfig } = event.detail;
    // What failed by itself works again.
    if (successful && alertPart().dataset.by === requestConfig.path) clearErrors();
  });
  document.addEventListener('htmx:sendError', (event) => {
    const { elt, requestConfig } = event.detail;
    if (asksByItself(elt) && alertPart().childElementCount > 0) return;
    alertPart().dataset.by = asksByItself(elt) ? requestConfig.path : '';
    const line = document.createElement('p');
    line.textContent = lang === 'id' ? 'Layanan tidak dapat dihubungi. Coba lagi.' : 'The service cannot be reached. Try again.';
    alertPart().replaceChildren(line);
  });
  setInterval(() => {
    for (const element of document.querySelectorAll('[data-until]')) countDown(element);
  }, 1000);
  showTimes(document);
  showWhen(document);
  chooseZones();
  tellExtension({ what: 'hello' });
  follow();
})();
`;
