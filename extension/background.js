// The middle: takes a request from a page that its reader has allowed, opens WhatsApp Web for it, and brings the
// signature back to that page. It talks to no server. What waits is in storage.session (memory), because browsers end
// this script whenever it is idle.

const api = globalThis.browser ?? globalThis.chrome;
const WHATSAPP = 'https://web.whatsapp.com';
const RP_ID = 'whatsapp.com';
const MAX_CHARS = 64 * 1024;
const PAGE_SCRIPT = 'page';

/** The whole of an origin without its port, which Firefox's patterns do not know. `isAllowed` looks at the port. */
const patternOf = (origin) => `${new URL(origin).protocol}//${new URL(origin).hostname}/*`;

async function readAllowed() {
  const { allowed = [] } = await api.storage.local.get('allowed');
  return allowed;
}

/** Said by the person in allow.html, port included, and granted by the browser. */
async function isAllowed(origin) {
  if (!(await readAllowed()).includes(origin)) return false;
  return api.permissions.contains({ origins: [patternOf(origin)] });
}

/** Lets page.js run on the pages that are allowed, in their open tabs at once. */
async function followAllowed() {
  const allowed = [];
  for (const origin of await readAllowed()) if (await isAllowed(origin)) allowed.push(origin);
  const matches = [...new Set(allowed.map(patternOf))];
  const [registered] = await api.scripting.getRegisteredContentScripts({ ids: [PAGE_SCRIPT] });
  if (registered) await api.scripting.unregisterContentScripts({ ids: [PAGE_SCRIPT] });
  if (matches.length === 0) return;
  await api.scripting.registerContentScripts([{ id: PAGE_SCRIPT, matches, js: ['page.js'] }]);
  for (const { id } of await api.tabs.query({ url: matches })) {
    // A tab that shows an error page takes no script.
    await api.scripting.executeScript({ target: { tabId: id }, files: ['page.js'] }).catch(() => undefined);
  }
}

let following = Promise.resolve();
function follow() {
  following = following.then(followAllowed).catch((error) => console.error(error));
}
api.runtime.onInstalled.addListener(follow);
api.permissions.onAdded.addListener(follow);
api.permissions.onRemoved.addListener(follow);
api.storage.onChanged.addListener((_changes, area) => area === 'local' && follow());

// The button in the toolbar: a page of ours asks whether the page in that tab is allowed.
api.action.onClicked.addListener(({ url = '', index }) =>
  api.tabs.create({ url: `allow.html?page=${encodeURIComponent(url)}`, index: index + 1 }),
);

/** What is signed, and nothing else of what a page may have sent. Null when it is no request of WhatsApp's. */
function readOptions(value) {
  const { challenge, rpId, timeout, allowCredentials, userVerification } = Object(value);
  if (typeof challenge !== 'string' || challenge === '' || rpId !== RP_ID) return null;
  const options = { challenge, rpId, timeout, allowCredentials, userVerification };
  return JSON.stringify(options).length > MAX_CHARS ? null : options;
}

const originOf = ({ origin, url }) => origin ?? new URL(url).origin;

/** A tab that asks what waits for it must not be quicker than the note of it. */
let beginning = Promise.resolve();

async function begin({ ticket, options: asked }, sender) {
  const origin = originOf(sender);
  if (sender.frameId !== 0 || !(await isAllowed(origin))) return { error: 'not_allowed' };
  const options = readOptions(asked);
  if (!options) return { error: 'malformed' };
  await giveUp(sender.tab.id);
  const { windowId, index } = sender.tab;
  const tab = await api.tabs.create({ url: `${WHATSAPP}/`, windowId, index: index + 1 });
  await api.storage.session.set({ [tab.id]: { asker: sender.tab.id, ticket, origin, options } });
  return {};
}

/** A tab has one request at a time: what it asked for before, and its tab of WhatsApp, go. */
async function giveUp(asker) {
  for (const [tabId, waiting] of Object.entries(await api.storage.session.get(null))) {
    if (waiting.asker === asker) await answer(Number(tabId), { error: 'declined' });
  }
}

async function readWaiting(tabId) {
  return (await api.storage.session.get(String(tabId)))[tabId];
}

/** Tells the page that asked. Its script knows the ticket only if it is still the same page. */
async function answer(tabId, result) {
  const waiting = await readWaiting(tabId);
  if (!waiting) return;
  await api.storage.session.remove(String(tabId));
  const { asker, ticket } = waiting;
  await api.tabs.sendMessage(asker, { ticket, ...result }, { frameId: 0 }).catch(() => undefined);
  await api.tabs.update(asker, { active: true }).catch(() => undefined);
  await api.tabs.remove(tabId).catch(() => undefined);
}

async function handle(message, sender) {
  const origin = originOf(sender);
  if (message.what === 'may-i') return { allowed: sender.frameId === 0 && (await isAllowed(origin)) };
  if (message.what === 'begin') {
    // One after the other: whoever waits, waits for all of them.
    const begun = beginning.then(() => begin(message, sender));
    beginning = begun.catch(() => undefined);
    return begun;
  }
  if (origin !== WHATSAPP || sender.frameId !== 0) return {};
  if (message.what === 'answer') return answer(sender.tab.id, message.result);
  await beginning;
  const waiting = message.what === 'take' && (await readWaiting(sender.tab.id));
  return waiting ? { origin: waiting.origin, options: waiting.options } : {};
}

api.runtime.onMessage.addListener((message, sender, respond) => {
  if (sender.id !== api.runtime.id || !sender.tab) return false;
  handle(message, sender).then(respond, () => respond({ error: 'failed' }));
  return true;
});

// The tab was closed without an answer.
api.tabs.onRemoved.addListener((tabId) => answer(tabId, { error: 'declined' }));
