// On a page that its reader has allowed: takes the page's request and gives it the signature. The page and this script
// share nothing but messages; README.md lists them.

(() => {
  const api = globalThis.browser ?? globalThis.chrome;
  /** Requests of this page that wait: our ticket and the page's own id. */
  const waiting = new Map();

  const tellPage = (message) => window.postMessage({ from: 'wahub-passkey', ...message }, location.origin);

  async function begin({ id, options }) {
    const ticket = crypto.randomUUID();
    waiting.set(ticket, id);
    const { error } = await api.runtime.sendMessage({ what: 'begin', ticket, options });
    if (error) finish({ ticket, error });
  }

  function finish({ ticket, assertion, error }) {
    if (!waiting.has(ticket)) return;
    const id = waiting.get(ticket);
    waiting.delete(ticket);
    tellPage(error ? { what: 'failed', id, error } : { what: 'signed', id, assertion });
  }

  async function listen() {
    const { allowed } = await api.runtime.sendMessage({ what: 'may-i' });
    // It may be loaded twice: as the page opens, and when the page is allowed.
    if (!allowed || globalThis.wahubPasskey) return;
    globalThis.wahubPasskey = true;
    api.runtime.onMessage.addListener((message) => finish(message));
    window.addEventListener('message', ({ source, origin, data }) => {
      if (source !== window || origin !== location.origin || data?.to !== 'wahub-passkey') return;
      if (data.what === 'hello') tellPage({ what: 'ready' });
      if (data.what === 'sign')
        begin(data).catch(() => tellPage({ what: 'failed', id: data.id, error: 'failed' }));
    });
    tellPage({ what: 'ready' });
  }

  void listen();
})();
