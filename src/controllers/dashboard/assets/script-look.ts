/**
 * The script of the frame: search (Ctrl K, ⌘ K or `/`), menus that close, toasts that go.
 *
 * `data-find` opens the dialog `#find`; in it the arrow keys go through what was found, and Enter in the field opens the
 * first of it.
 */
export const LOOK_SCRIPT = `
(() => {
  const TOAST_MS = 8000;
  const finder = document.getElementById('find');
  const results = () => [...document.querySelectorAll('#find-results a')];

  function openFinder() {
    if (finder && finder.showModal && !finder.open) finder.showModal();
    const field = document.querySelector('[data-find-field]');
    if (field) field.select();
  }

  const isTyping = ({ target }) =>
    target instanceof Element && target.closest('input, textarea, select, [contenteditable]') !== null;

  document.addEventListener('keydown', (event) => {
    const isShortcut = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k';
    const isSlash = event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event);
    if (document.querySelector('[data-find-field]') && (isShortcut || isSlash)) {
      event.preventDefault();
      openFinder();
    }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') move(event);
  });

  /** Through the results, from the field and back to it. */
  function move(event) {
    const field = event.target instanceof Element && event.target.matches('[data-find-field]') ? event.target : null;
    const links = results();
    const at = links.indexOf(document.activeElement);
    if (links.length === 0 || (!field && at < 0)) return;
    event.preventDefault();
    const next = at + (event.key === 'ArrowDown' ? 1 : -1);
    if (next < 0) document.querySelector('[data-find-field]').focus();
    else if (links[next]) links[next].focus();
  }

  document.addEventListener('submit', (event) => {
    const field = event.target.querySelector('[data-find-field]');
    const list = document.querySelector('#find-results [data-found]');
    // What is shown may still be for fewer letters.
    if (!field || !list || list.dataset.found !== field.value.trim() || results().length === 0) return;
    event.preventDefault();
    results()[0].click();
  });

  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (finder && finder.showModal && target.closest('[data-find]')) {
      event.preventDefault();
      openFinder();
    }
    if (target === finder || target.closest('[data-find-close]')) finder.close();
    const toast = target.closest('[data-toast-close]');
    if (toast) toast.closest('.toast').remove();
    for (const menu of document.querySelectorAll('details.popup[open]')) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    // Else the first one only empties the field.
    if (finder && finder.open) finder.close();
    for (const menu of document.querySelectorAll('details.popup[open]')) menu.open = false;
  });

  /** What the numbers of a card are: on a phone no heading stands above them. */
  function nameNumbers() {
    for (const table of document.querySelectorAll('.table.stack table')) {
      const names = [...table.querySelectorAll('thead th')].map((cell) => cell.textContent);
      for (const cell of table.querySelectorAll('tbody td.num')) {
        if (names[cell.cellIndex]) cell.dataset.label = names[cell.cellIndex];
      }
    }
  }
  document.addEventListener('htmx:afterSettle', nameNumbers);
  nameNumbers();

  for (const toast of document.querySelectorAll('.toast')) {
    const close = document.createElement('button');
    close.type = 'button';
    close.className = 'plain';
    close.dataset.toastClose = '';
    close.ariaLabel = toast.parentElement.dataset.close;
    close.textContent = '\\u00d7';
    toast.append(close);
    const go = () => {
      // Not while somebody reads it.
      if (toast.matches(':hover, :focus-within')) setTimeout(go, TOAST_MS);
      else toast.remove();
    };
    setTimeout(go, TOAST_MS);
  }
})();
`;
