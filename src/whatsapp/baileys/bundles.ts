/** Key bundles as the server hands them out: what is wrong with one is about its owner, never about the server. */
import type { BinaryNode, DEFAULT_CONNECTION_CONFIG, WASocket } from '@whiskeysockets/baileys';
import { isSignedBundle } from './trust.ts';

type Repository = ReturnType<typeof DEFAULT_CONNECTION_CONFIG.makeSignalRepository>;

/**
 * Takes the bundles that Baileys would stumble over out of each answer before it reads them, and begins no session on
 * one that its owner did not sign. That device is then without a session, and the others of the answer have theirs.
 */
export function toleratePeers(sock: WASocket): void {
  sock.ws.prependListener('frame', dropUnreadable);
}

/** See `toleratePeers`; a session that is there stays. */
export function refuseUnsigned(repository: Repository): void {
  const inject = repository.injectE2ESession;
  repository.injectE2ESession = async (opts) => {
    if (isSignedBundle(opts.session)) await inject.call(repository, opts);
  };
}

function dropUnreadable(frame: BinaryNode | Uint8Array): void {
  if (frame instanceof Uint8Array || frame.tag !== 'iq' || !Array.isArray(frame.content)) return;
  for (const list of frame.content) {
    if (list.tag !== 'list' || !Array.isArray(list.content)) continue;
    list.content = list.content.filter((user) => user.tag !== 'user' || isReadable(user));
  }
}

function isReadable(user: BinaryNode): boolean {
  if (childOf(user, 'error')) return false;
  const skey = childOf(user, 'skey');
  const key = childOf(user, 'key');
  return (
    hasBytes(childOf(user, 'registration'), 4) &&
    hasBytes(childOf(user, 'identity'), 32) &&
    isKey(skey) &&
    hasBytes(childOf(skey, 'signature'), 64) &&
    // One-time keys may have run out.
    (key === undefined || isKey(key))
  );
}

function isKey(key: BinaryNode | undefined): boolean {
  return hasBytes(childOf(key, 'id'), 3) && hasBytes(childOf(key, 'value'), 32);
}

function childOf(parent: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  return Array.isArray(parent?.content) ? parent.content.find((node) => node.tag === tag) : undefined;
}

function hasBytes(node: BinaryNode | undefined, length: number): boolean {
  return node?.content instanceof Uint8Array && node.content.length === length;
}
