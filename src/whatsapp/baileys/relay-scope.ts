/** The state of one relay, wherever Baileys calls back into our parts of the socket. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { SharedCommit } from '../../db/shared-commit.ts';

export interface Relay {
  /** devices that must not be encrypted for: WhatsApp has no usable keys of theirs */
  readonly leftOut: ReadonlySet<string>;
  /** set by whoever gave up waiting: the stanza must not leave any more */
  withdrawn: boolean;
  /** none of our code runs between here and the wire */
  leaving: boolean;
  /** see SendOptions */
  readonly mayLeave?: (() => Promise<boolean>) | undefined;
  /** see SendOptions */
  readonly commit?: SharedCommit | undefined;
  /** `mayLeave` said no */
  withheld: boolean;
}

const scope = new AsyncLocalStorage<Relay>();

export function runRelay<R>(relay: Relay, work: () => R): R {
  return scope.run(relay, work);
}

export function isRelaying(): boolean {
  return scope.getStore() !== undefined;
}

/** Whether the relay that is running here leaves out this device (JID as Baileys writes it). */
export function isLeftOut(deviceJid: string): boolean {
  return scope.getStore()?.leftOut.has(deviceJid) ?? false;
}

/** The transaction that may take along the keys of the relay that is running here. */
export const commitOfRelay = (): SharedCommit | undefined => scope.getStore()?.commit;

/** Throws in a relay that was given up. */
export function refuseWithdrawn(): void {
  if (scope.getStore()?.withdrawn) throw new Error(WITHDRAWN);
}

/** The last of our steps before the wire. Rejects in a relay that was given up, or that may not leave. */
export async function markLeaving(): Promise<void> {
  const relay = scope.getStore();
  if (!relay || relay.leaving) return refuseWithdrawn();
  if (relay.mayLeave && !(await relay.mayLeave())) {
    relay.withheld = true;
    relay.withdrawn = true;
  }
  refuseWithdrawn();
  relay.leaving = true;
}

export const WITHDRAWN = 'the message was withdrawn before it left';
