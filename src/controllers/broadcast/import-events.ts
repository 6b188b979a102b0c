/** The progress of an import as Server-Sent Events. */
import type { HttpContext } from '../../middlewares/http-env.ts';
import { getImport } from '../../services/contacts/import/verbs.ts';
import type { Ctx } from '../../services/context.ts';
import { type SseEvent, streamEvents } from '../sse.ts';

/** `progress` whenever the counts have moved, at most once a second; ends after `completed` or `failed`. */
export async function streamImport(
  ctx: Ctx,
  http: HttpContext,
  ref: { sessionId: string; id: string },
): Promise<Response> {
  const first = await getImport(ctx, ref);
  let told = -1;
  let ended = false;
  return streamEvents(ctx, http, {
    filter: { userId: ctx.actor.userId },
    first: [],
    async next(): Promise<readonly SseEvent[] | null> {
      if (ended) return null;
      const data = told < 0 ? first : await getImport(ctx, ref);
      ended = data.status !== 'running';
      if (!ended && data.processed === told) return [];
      told = data.processed;
      return [{ id: String(told), event: ended ? data.status : 'progress', data }];
    },
  });
}
