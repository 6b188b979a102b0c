// On web.whatsapp.com: shows who asks, and signs when the person says so. Without a request it does nothing.

(() => {
  const api = globalThis.browser ?? globalThis.chrome;
  const text = (name, ...values) => api.i18n.getMessage(name, values);
  const answer = (result) => api.runtime.sendMessage({ what: 'answer', result });

  /** Throws what the browser throws when nobody signs. Results of extensions stay here: they may be secrets. */
  async function sign(options) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    const { id, rawId, type, response } = credential.toJSON();
    const { clientDataJSON, authenticatorData, signature, userHandle } = response;
    return { id, rawId, type, response: { clientDataJSON, authenticatorData, signature, userHandle } };
  }

  function element(name, words, style) {
    const made = document.createElement(name);
    made.textContent = words;
    // Set one by one: the policy of the page forbids style sheets and style attributes.
    Object.assign(made.style, style);
    return made;
  }

  function button(words, background, onClick) {
    const look = {
      font: 'inherit',
      padding: '10px 18px',
      margin: '0 8px 0 0',
      border: '0',
      borderRadius: '8px',
    };
    const made = element('button', words, { ...look, background, color: '#fff', cursor: 'pointer' });
    // A script of the page cannot click for the person.
    made.addEventListener('click', (event) => event.isTrusted && onClick());
    return made;
  }

  function show({ origin, options }) {
    const host = element('div', '', { all: 'initial' });
    const panel = element('section', '', {
      position: 'fixed',
      inset: '24px 24px auto auto',
      zIndex: '2147483647',
      maxWidth: '400px',
      boxSizing: 'border-box',
      padding: '20px',
      borderRadius: '12px',
      background: '#fff',
      color: '#16211f',
      font: '16px/1.45 system-ui, sans-serif',
      boxShadow: '0 4px 24px rgb(0 0 0 / 40%)',
      overflowWrap: 'anywhere',
    });
    panel.setAttribute('role', 'dialog');
    panel.setAttribute('aria-label', text('name'));
    const note = element('p', '', { margin: '0 0 12px', color: '#a3160c' });
    note.setAttribute('role', 'status');
    const yes = button(text('sign'), '#0a6b3d', async () => {
      yes.disabled = true;
      note.textContent = text('waiting');
      try {
        await answer({ assertion: await sign(options) });
      } catch (error) {
        note.textContent = text(
          error.name === 'NotAllowedError' ? 'nothingSigned' : 'cannotSign',
          error.message,
        );
      }
      yes.disabled = false;
    });
    const no = button(text('cancel'), '#5b6664', () => answer({ error: 'declined' }));
    panel.append(
      element('p', text('asks', origin), { margin: '0 0 12px', fontWeight: '600' }),
      element('p', text('meaning'), { margin: '0 0 12px' }),
      note,
      yes,
      no,
    );
    host.attachShadow({ mode: 'closed' }).append(panel);
    document.documentElement.append(host);
    yes.focus();
  }

  api.runtime.sendMessage({ what: 'take' }).then((request) => request?.options && show(request));
})();
