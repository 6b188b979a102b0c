/** Connections to the servers that hold encrypted media, when those are not WhatsApp's own. */
import { readFileSync } from 'node:fs';
import { Agent as HttpsAgent } from 'node:https';
import { Agent as Dispatcher } from 'undici';

/** Uploads go over `agent`, downloads over `dispatcher`: both trust the certificates in one PEM file only. */
export interface MediaConnection {
  agent: HttpsAgent;
  dispatcher: Dispatcher;
}

const connections = new Map<string, MediaConnection>();

/** One for each file and process. Idle sockets do not keep the process alive. Throws when the file cannot be read. */
export function mediaConnectionFor(caFile: string): MediaConnection {
  const known = connections.get(caFile);
  if (known) return known;
  const ca = readFileSync(caFile, 'utf8');
  const made = {
    agent: new HttpsAgent({ ca, keepAlive: true }),
    dispatcher: new Dispatcher({ connect: { ca } }),
  };
  connections.set(caFile, made);
  return made;
}
