/** The mark of WaHub: a speech bubble with a hub in it. */

/** Its shapes on 32 by 32; the colours are its own, so that it is the same on light and dark. */
export const MARK_SHAPES =
  '<rect width="32" height="32" rx="8" fill="#0a6b3d"/>' +
  '<path d="M9 6.5h14a3.5 3.5 0 0 1 3.5 3.5v9a3.5 3.5 0 0 1-3.5 3.5h-7l-6.2 4.6a.5.5 0 0 1-.8-.4v-4.2a3.5 3.5 0 0 1-3.5-3.5v-9A3.5 3.5 0 0 1 9 6.5z" fill="#fff"/>' +
  '<path d="M16 14.5 11 11M16 14.5 21 11M16 14.5v4.6" stroke="#0a6b3d" stroke-width="1.6" stroke-linecap="round"/>' +
  '<circle cx="16" cy="14.5" r="2.5" fill="#0a6b3d"/><circle cx="11" cy="11" r="1.7" fill="#0a6b3d"/>' +
  '<circle cx="21" cy="11" r="1.7" fill="#0a6b3d"/><circle cx="16" cy="19.1" r="1.7" fill="#0a6b3d"/>';

/** The mark as a file; `over`: more shapes on top. */
export const markSvg = (over = ''): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${MARK_SHAPES}${over}</svg>`;
