/** Connections to the servers that hold encrypted media, when those are not WhatsApp's own. */
import { readFileSync } from 'node:fs';
import { Agent as HttpsAgent } from 'node:https';
import { Agent as Dispatcher } from 'undici';

/** Uploads go over `agent`, downloads over `dispatcher`: both trust the certificates in one PEM file only. */
export interface MediaConnection {
  agent: HttpsAgent;
  dispatcher: Dispatcher;
}

/**
 * What Baileys fetches by itself are pieces of how the phone keeps its chats, while it holds the keys of the session: a server that
 * is silent must not hold them long, nor fill the memory. Those of the largest accounts have some megabytes.
 */
export const FETCH_LIMITS = {
  headersTimeout: 10_000,
  bodyTimeout: 10_000,
  maxResponseSize: 32 * 1024 * 1024,
} as const;

let direct: Dispatcher | null = null;

/** For WhatsApp's own servers, without a proxy. One for the process. */
export function directDispatcher(): Dispatcher {
  direct ??= new Dispatcher(FETCH_LIMITS);
  return direct;
}

const connections = new Map<string, MediaConnection>();

/** One for each file and process. Idle sockets do not keep the process alive. Throws when the file cannot be read. */
export function mediaConnectionFor(caFile: string): MediaConnection {
  const known = connections.get(caFile);
  if (known) return known;
  const ca = readFileSync(caFile, 'utf8');
  const made = {
    agent: new HttpsAgent({ ca, keepAlive: true }),
    dispatcher: new Dispatcher({ ...FETCH_LIMITS, connect: { ca } }),
  };
  connections.set(caFile, made);
  return made;
}
