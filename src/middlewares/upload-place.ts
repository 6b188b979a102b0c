/** A body with a file takes one of its tenant's places for uploads while it comes in. */
import type { Deps } from '../services/context.ts';
import { holdUpload, type QuotaDeps } from '../services/quotas.ts';
import type { HttpContext } from './http-env.ts';

type PlaceDeps = Pick<Deps, 'db' | 'logger'> & QuotaDeps;

/** A body without a file, or with a very small one, is not worth a place: it is there at once. */
const SMALL_BYTES = 64 * 1024;

/**
 * Takes a place before `serve` reads anything of the body; `endUpload` gives it back, and so does the end of the request.
 * Throws QUOTA_EXCEEDED when the tenant has none left, in any process.
 */
export function inUploadPlace(
  deps: PlaceDeps,
  serve: (c: HttpContext) => Promise<Response>,
): (c: HttpContext) => Promise<Response> {
  return async (c) => {
    const actor = c.get('actor');
    if (!actor || isSmallBody(c)) return serve(c);
    const release = await holdUpload(deps, actor.userId);
    let held = true;
    const end = async () => {
      if (held) await release();
      held = false;
    };
    c.set('endUpload', end);
    try {
      return await serve(c);
    } finally {
      await end();
    }
  };
}

/** The body is there: what the request still does, such as waiting for a message's way, needs no place. */
export async function endUpload(c: HttpContext): Promise<void> {
  await c.get('endUpload')?.();
}

/** Whether the body has at most 64 KiB, as the request says, to which Node holds it. */
export function isSmallBody(c: HttpContext): boolean {
  const length = c.req.header('content-length');
  return (
    c.req.header('transfer-encoding') === undefined && length !== undefined && Number(length) <= SMALL_BYTES
  );
}
