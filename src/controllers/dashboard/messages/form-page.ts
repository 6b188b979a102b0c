/** The page of a form that sends something from one of the sessions. */
import type { Child } from 'hono/jsx';
import type { Ctx } from '../../../services/context.ts';
import { sessionOptions } from '../developers/keys.tsx';
import type { PageReply, View } from '../page.ts';
import { NEW_SESSION } from '../paths.ts';

/** `body`: of the page, for these sessions. Whoever may not write, or has no session, is led elsewhere. */
export async function formPage(
  ctx: Ctx,
  view: View,
  title: string,
  body: (sessions: readonly string[]) => Child,
): Promise<PageReply> {
  if (!view.canWrite) return { redirect: '/dashboard/messages' };
  const sessions = await sessionOptions(ctx);
  if (sessions.length === 0) return { redirect: NEW_SESSION };
  return { title, section: 'messages', body: body(sessions) };
}
