/** Who has a share of the event loop and of the database, and its turns. */
import { asTenant } from '../db/work.ts';
import type { Actor, Deps } from '../services/context.ts';
import { addressGroup } from '../utils/address.ts';
import { STRANGERS } from '../utils/loop-share.ts';
import type { HttpContext } from './http-env.ts';

type Shares = Pick<Deps, 'loopShare'>;

/** A tenant, or all who have no valid credential, from wherever they come. */
const sharerOf = (actor: Actor | undefined): number =>
  actor === undefined || actor.via === 'anonymous' ? STRANGERS : actor.userId;

function turnOf({ loopShare }: Shares, c: HttpContext, actor: Actor | undefined, kind: 'request' | 'work') {
  const sharer = sharerOf(actor);
  return sharer === STRANGERS
    ? loopShare.strangerTurn(addressGroup(c.get('ip')))
    : loopShare.turn(sharer, kind);
}

/**
 * Nothing where the caller may go on at once, else a promise of when it may; `actor` undefined: its credential is not valid.
 * Whoever asks for much leaves room for the others, and so do strangers, whose wrong keys and passwords are work as well.
 * Nobody leaves room for strangers. Rejects with UNAVAILABLE when too many of them wait.
 */
export function takeTurn(deps: Shares, c: HttpContext, actor?: Actor): Promise<void> | undefined {
  const sharer = sharerOf(actor);
  if (sharer !== STRANGERS) {
    deps.loopShare.noteActive(sharer);
    if (deps.loopShare.tryTurn(sharer)) return undefined;
  }
  return turnOf(deps, c, actor, 'request');
}

/** Resolves when the next piece of what the caller sends may be looked at. Throws UNAVAILABLE as `takeTurn` does. */
export function takePieceTurn(deps: Shares, c: HttpContext): Promise<void> {
  return turnOf(deps, c, c.get('actor'), 'work');
}

/** Runs `work` as what the caller waits for, in its share of the database. */
export function inShareOf<R>(actor: Actor, work: () => R): R {
  return asTenant(sharerOf(actor), work);
}
