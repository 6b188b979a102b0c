/** The style and the script of the reference. Nothing inline: the policy of our pages allows neither. */

export const REFERENCE_STYLE = `:root{color-scheme:light;--bg:#fff;--fg:#17211c;--soft:#5b6a62;--line:#dbe3de;--panel:#f4f7f5;--link:#0b6b45;--post:#0b6b45;--get:#1d5fb8;--put:#8a5a00;--delete:#b3261e;font:16px/1.6 system-ui,sans-serif}
:root[data-theme=dark]{color-scheme:dark;--bg:#101613;--fg:#e6ede9;--soft:#9fb0a7;--line:#2b3631;--panel:#18211d;--link:#5fd3a0;--post:#5fd3a0;--get:#8ab8ff;--put:#f0be5a;--delete:#ff9a91}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;--bg:#101613;--fg:#e6ede9;--soft:#9fb0a7;--line:#2b3631;--panel:#18211d;--link:#5fd3a0;--post:#5fd3a0;--get:#8ab8ff;--put:#f0be5a;--delete:#ff9a91}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);display:grid;grid-template-columns:16rem minmax(0,1fr);grid-template-rows:auto 1fr}
a{color:var(--link)}
header{grid-column:1/-1;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:center;padding:.5rem 1rem;border-bottom:1px solid var(--line);position:sticky;top:0;background:var(--bg);z-index:1}
header>a:first-child{color:var(--fg);text-decoration:none}
.who{color:var(--soft);margin-left:auto;font-size:.875rem}
button,input{font:inherit;font-size:.875rem;color:var(--fg);background:var(--panel);border:1px solid var(--line);border-radius:.375rem;padding:.25rem .625rem;min-height:2rem}
button{cursor:pointer}
button[aria-pressed=true]{border-color:var(--link);color:var(--link)}
.side{padding:1rem;font-size:.9375rem;position:sticky;top:3.25rem;align-self:start;max-height:calc(100vh - 3.25rem);overflow-y:auto}
.side input{width:100%;margin-top:.25rem}
.side ul{list-style:none;margin:1rem 0;padding:0}
.side li a{display:block;padding:.125rem 0;color:var(--fg);text-decoration:none}
.side li a:hover{color:var(--link)}
main{padding:1rem 1.5rem 4rem;max-width:60rem;width:100%}
main.alone{grid-column:1/-1;margin:0 auto}
section,details{scroll-margin-top:4rem}
h1{font-size:1.5rem}h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1rem;margin-top:1.5rem}
details.op{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:0 .75rem}
details.op>summary{cursor:pointer;padding:.5rem 0;display:flex;flex-wrap:wrap;gap:.25rem .75rem}
details.op>summary>span:last-child{color:var(--soft)}
.method{display:inline-block;min-width:4rem;font-size:.8125rem}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete,.bad{color:var(--delete)}.fine{color:var(--post)}
code{font:.875em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{margin:0;padding:.75rem;overflow-x:auto;background:var(--panel);border-radius:.375rem;font-size:.875rem;line-height:1.5}
pre code{overflow-wrap:normal}
.answer pre{margin:.25rem 0 .75rem}
.languages{display:flex;flex-wrap:wrap;gap:.25rem;margin-bottom:.25rem}
.copy{margin-left:auto}
.code pre{display:none}
[data-code=curl] .in-curl,[data-code=node] .in-node,[data-code=php] .in-php,[data-code=python] .in-python,[data-code=go] .in-go,[data-code=java] .in-java{display:block}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.875rem;margin:1rem 0}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.375rem .75rem .375rem 0;border-top:1px solid var(--line);font-weight:400}
th em{color:var(--delete);font-style:normal;font-size:.75rem}
.depth-1{padding-left:1.25rem}.depth-2{padding-left:2.5rem}
.answer>summary{cursor:pointer;padding:.25rem 0}
.headers{color:var(--soft);font-size:.875rem;margin:.25rem 0}
kbd{border:1px solid var(--line);border-radius:.25rem;padding:0 .375rem;font-size:.75rem}
@media (max-width:48rem){body{display:block}.side{position:static;max-height:none;padding-bottom:0}.side ul{columns:2;margin:.5rem 0}main{padding:1rem}.who{margin-left:0}}
`;

export const REFERENCE_SCRIPT = `'use strict';
(() => {
  const root = document.documentElement;
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private mode */ } };
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const theme = kept('wahub-theme');
  if (theme === 'dark' || theme === 'light') root.dataset.theme = theme;
  const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const showLanguage = (language) => {
    root.dataset.code = language;
    for (const button of document.querySelectorAll('[data-language]')) {
      button.setAttribute('aria-pressed', String(button.dataset.language === language));
    }
  };

  document.addEventListener('DOMContentLoaded', () => {
    const language = kept('wahub-code');
    if (language && document.querySelector('[data-language="' + CSS.escape(language) + '"]')) showLanguage(language);
    document.getElementById('theme').addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark';
      keep('wahub-theme', root.dataset.theme);
    });
    document.addEventListener('click', async (event) => {
      const button = event.target.closest('button');
      if (!button) return;
      if (button.dataset.language) {
        showLanguage(button.dataset.language);
        keep('wahub-code', button.dataset.language);
      }
      if (button.classList.contains('copy')) {
        const shown = button.closest('.code').querySelector('pre.in-' + root.dataset.code);
        await navigator.clipboard.writeText(shown.textContent);
        button.textContent = 'Copied';
        setTimeout(() => { button.textContent = 'Copy'; }, 1500);
      }
    });
    for (const part of document.querySelectorAll('details.op')) part.addEventListener('toggle', () => load(part));
    openTarget();
    addEventListener('hashchange', openTarget);
    const search = document.getElementById('search');
    if (search) useSearch(search);
  });

  function openTarget() {
    const part = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (part && part.matches('details.op')) { part.open = true; part.scrollIntoView(); }
  }

  async function load(part) {
    if (!part.open || part.dataset.loaded) return;
    part.dataset.loaded = 'yes';
    const url = new URL(part.dataset.href, location.href);
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(String(response.status));
      const article = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('article');
      // Its addresses are relative to its own page.
      for (const link of article.querySelectorAll('a[href]')) link.setAttribute('href', new URL(link.getAttribute('href'), url).href);
      article.querySelector('h1').remove();
      part.querySelector(':scope > p').replaceWith(document.importNode(article, true));
      showLanguage(root.dataset.code);
    } catch {
      // The link to its own page stays.
      delete part.dataset.loaded;
    }
  }

  function useSearch(search) {
    const parts = [...document.querySelectorAll('main section')].map((section) => ({
      section,
      operations: [...section.querySelectorAll('details.op')].map((part) => ({ part, text: part.textContent.toLowerCase() })),
      text: section.textContent.toLowerCase(),
    }));
    const filter = () => {
      const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
      const has = (text) => words.every((word) => text.includes(word));
      let found = 0;
      for (const { section, operations, text } of parts) {
        let shown = 0;
        for (const operation of operations) {
          operation.part.hidden = !has(operation.text);
          if (!operation.part.hidden) shown++;
        }
        section.hidden = words.length > 0 && (operations.length > 0 ? shown === 0 : !has(text));
        if (!section.hidden) found++;
      }
      document.getElementById('none').hidden = found > 0;
    };
    search.addEventListener('input', filter);
    document.addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.target.matches('input, textarea')) return;
      event.preventDefault();
      search.focus();
    });
  }
})();
`;
