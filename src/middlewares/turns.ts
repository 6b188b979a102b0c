/** Who has a share of the event loop and of the database, and its turns. */
import { asTenant } from '../db/work.ts';
import type { Actor, Deps } from '../services/context.ts';
import { strangerAt } from '../utils/address.ts';
import type { HttpContext } from './http-env.ts';

type Shares = Pick<Deps, 'loopShare'>;

/** A tenant, or all who come from one address without a valid credential. */
function sharerOf(c: HttpContext, actor: Actor | undefined): number {
  return actor === undefined || actor.via === 'anonymous' ? strangerAt(c.get('ip')) : actor.userId;
}

/**
 * Resolves when the caller may go on; `actor` undefined: its credential is not valid. Whoever asks for much leaves room for the
 * others, and so do strangers, whose wrong keys and passwords are work as well. Nobody leaves room for strangers that do not
 * wait.
 */
export async function takeTurn({ loopShare }: Shares, c: HttpContext, actor?: Actor): Promise<void> {
  const sharer = sharerOf(c, actor);
  if (sharer > 0) loopShare.noteActive(sharer);
  await loopShare.turn(sharer, 'request');
}

/** Resolves when the next piece of what the caller sends may be looked at. */
export function takePieceTurn({ loopShare }: Shares, c: HttpContext): Promise<void> {
  return loopShare.turn(sharerOf(c, c.get('actor')), 'work');
}

/** Runs `work` as what the caller waits for, in its share of the database. */
export function inShareOf<R>(c: HttpContext, actor: Actor, work: () => R): R {
  return asTenant(sharerOf(c, actor), work);
}
