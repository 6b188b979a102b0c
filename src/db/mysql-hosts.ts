/** Several servers with the same data (nodes of a cluster): all connections go to one of them, to another when it fails. */

import { connect, type Socket } from 'node:net';
import { backoffMs } from '../utils/backoff.ts';
import type { HostAddress } from '../utils/host-list.ts';

/** A server by its address, or by the path of its UNIX socket. */
type Address = HostAddress & { socketPath?: string | undefined };

/** What mysql2 reads of the configuration of a connection when it signs in. */
interface Owner {
  socketPath?: string | undefined;
}

const PAUSE = { firstMs: 1_000, maxMs: 30_000 };
const KEEP_ALIVE_AFTER_MS = 10_000;

export interface Hosts {
  readonly count: number;
  /** where new connections go */
  readonly current: HostAddress;
  /**
   * The socket of a new connection. `owner` is the configuration that mysql2 keeps for this connection, by which it is known: its
   * `socketPath` is set where the socket is a UNIX socket, as mysql2 gives a password to nobody else in the clear.
   */
  connect(owner: Owner): Socket;
  /** False when the connection leads to a server that has been left. */
  isCurrent(owner: object): boolean;
  /** The server could be used. */
  worked(owner: object): void;
  /** It cannot be used: the first of the others that has not failed lately is next. Nothing when it is left already. */
  leave(address: HostAddress): void;
}

interface State extends Address {
  failures: number;
  retryAtMs: number;
}

/** `nowMs` is a monotonic clock. */
export function createHosts(addresses: readonly [Address, ...Address[]], nowMs: () => number): Hosts {
  const states: State[] = [];
  for (const { host, port, socketPath } of addresses) {
    states.push({ host, port, socketPath, failures: 0, retryAtMs: 0 });
  }
  const used = new WeakMap<object, State>();
  let current = states.reduce((first) => first);

  return {
    count: states.length,
    get current() {
      return current;
    },
    connect(owner) {
      used.set(owner, current);
      const { host, port, socketPath } = current;
      owner.socketPath = socketPath;
      const socket = socketPath === undefined ? connect(port, host) : connect(socketPath);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
      return socket;
    },
    isCurrent: (owner) => used.get(owner) === current,
    worked(owner) {
      const state = used.get(owner);
      if (state) Object.assign(state, { failures: 0, retryAtMs: 0 });
    },
    leave(address) {
      if (address !== current) return;
      current.failures += 1;
      const now = nowMs();
      current.retryAtMs = now + backoffMs(PAUSE, current.failures);
      const rested = states.find(({ retryAtMs }) => retryAtMs <= now);
      current = rested ?? states.reduce((a, b) => (b.retryAtMs < a.retryAtMs ? b : a));
    },
  };
}
