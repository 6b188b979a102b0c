// The page behind the button in the toolbar: which pages may ask for a signature. The browser asks once more.

const api = globalThis.browser ?? globalThis.chrome;
const text = (name, ...values) => api.i18n.getMessage(name, values);
const [form, page, note, list] = ['form', 'page', 'note', 'allowed'].map((id) => document.getElementById(id));
let allowed = [];

const patternOf = (origin) => `${new URL(origin).protocol}//${new URL(origin).hostname}/*`;

/** Null for what cannot be allowed: a signature must not travel in the clear. */
function originOf(address) {
  if (!URL.canParse(address)) return null;
  const { protocol, hostname, origin } = new URL(address);
  const isHere = hostname === 'localhost' || hostname === '127.0.0.1';
  return protocol === 'https:' || (protocol === 'http:' && isHere) ? origin : null;
}

async function keep(origins) {
  allowed = origins;
  await api.storage.local.set({ allowed });
  show();
}

async function remove(origin) {
  await keep(allowed.filter((other) => other !== origin));
  const shared = allowed.some((other) => patternOf(other) === patternOf(origin));
  if (!shared) await api.permissions.remove({ origins: [patternOf(origin)] });
}

function show() {
  list.replaceChildren(
    ...allowed.map((origin) => {
      const item = document.createElement('li');
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = text('remove');
      button.addEventListener('click', () => remove(origin));
      item.append(`${origin} `, button);
      return item;
    }),
  );
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const origin = originOf(page.value);
  note.textContent = origin ? '' : text('notAllowable');
  if (!origin) return;
  // First of all, as long as the browser knows that somebody has clicked.
  const granted = await api.permissions.request({ origins: [patternOf(origin)] });
  if (granted) await keep([...new Set([...allowed, origin])]);
  note.textContent = text(granted ? 'goBack' : 'notGranted', origin);
});

document.documentElement.lang = api.i18n.getUILanguage();
for (const part of document.querySelectorAll('[data-text]')) part.textContent = text(part.dataset.text);
page.value = originOf(new URLSearchParams(location.search).get('page') ?? '') ?? '';
api.storage.local.get('allowed').then((stored) => {
  allowed = stored.allowed ?? [];
  show();
});
