/** Who asks Baileys for a socket and holds it: the adapter itself, or a library that is built on Baileys. */
import type { WABrowserDescription, WASocket, WAVersion } from '@whiskeysockets/baileys';

/** The holder's settings of its socket; the rest of the configuration is the adapter's. */
export interface SocketOptions {
  version: WAVersion;
  browser?: WABrowserDescription | undefined;
}

export interface SocketHolder {
  /**
   * Calls `create` exactly once and resolves after that, without waiting for anything but itself. `version` is the one
   * to ask for. Rejects, without calling it, when it cannot.
   */
  start(accountId: string, version: WAVersion, create: (request: SocketOptions) => WASocket): Promise<void>;
  /** The socket is closed. */
  forget(accountId: string): void;
}

export const ownHolder: SocketHolder = {
  async start(_accountId, version, create) {
    create({ version });
  },
  forget: () => undefined,
};
