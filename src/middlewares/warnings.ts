/** What an answer says of names in the request that mean nothing here. */
import type { HttpContext } from './http-env.ts';

/** Names that one answer warns of. */
const MAX_WARNINGS = 10;

/** `warnings`, one for each name and of many the first, under its own key; nothing when there were none. */
export function warnings(c: HttpContext): { warnings?: string[] } {
  const ignored = c.get('ignored');
  if (ignored === undefined) return {};
  const shown = ignored.slice(0, MAX_WARNINGS).map((name) => `Unknown field ${name} was ignored.`);
  const more = ignored.length - shown.length;
  return { warnings: more > 0 ? [...shown, `${more} more unknown fields were ignored.`] : shown };
}
