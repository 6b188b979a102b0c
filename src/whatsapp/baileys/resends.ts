/**
 * Resends that fail. A device that cannot read a message asks for it again, and Baileys confirms that request whether its
 * resend worked or not: the server would never bring it back. So a resend that has failed is carried out again, a few
 * times, and its request is confirmed after the last one only. When the socket ends before that, the server brings it back
 * at the next login.
 */
import type { EventEmitter } from 'node:events';
import type { BinaryNode, WASocket } from '@whiskeysockets/baileys';
import { jitteredBackoffMs } from '../../utils/backoff.ts';
import { type Clock, sleep } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { Logger } from '../../utils/logger.ts';
import { createLru } from '../../utils/lru.ts';
import { readReceipt } from './receipts.ts';

/** The line that rc14 logs, with `{ key, ids }`, when a resend has thrown; it tells it nowhere else. */
export const FAILED_RESEND = 'error in sending message again';

const RECEIPT = 'CB:receipt';

/** Requests of a socket that are remembered, and for how long. */
const MAX_REQUESTS = 200;
const REQUEST_MS = 10 * MINUTE_MS;
const PAUSE = { firstMs: 2_000, maxMs: 30_000 };
/** rc14 itself sends a message five times to the same device at most. */
const MAX_TRIES = 4;

interface Request {
  /** as the server sent it */
  stanza: BinaryNode;
  /** as Baileys gets it */
  node: BinaryNode;
  failures: number;
  /** the resend of now has failed, and there is another one to come */
  held: boolean;
}

export interface Resends {
  /**
   * Remembers the requests that come in on this socket, and does `before` with the ids that one names before Baileys answers it;
   * when that rejects, nobody does. Call it once, before anybody else listens for receipts.
   */
  follow(sock: WASocket, before?: (ids: readonly string[]) => Promise<void>): void;
  /** Takes the facts that Baileys logged with FAILED_RESEND. */
  failed(facts: unknown): void;
}

export function createResends(deps: {
  clock: Clock;
  logger: Logger;
  accountId: string;
  closed: AbortSignal;
}): Resends {
  const { clock, logger, accountId, closed } = deps;
  const requests = createLru<string, Request>({ max: MAX_REQUESTS, ttlMs: REQUEST_MS });
  let again: (stanza: BinaryNode) => void = () => undefined;

  async function tryLater(request: Request): Promise<void> {
    await sleep(clock, jitteredBackoffMs(PAUSE, request.failures, Math.random()), closed);
    if (!closed.aborted) again(request.stanza);
  }

  /** Null for a receipt that asks for nothing. Another request of the same device starts again, with the keys that it brings. */
  function requestOf(stanza: BinaryNode): Request | null {
    const { id, from, participant, type } = stanza.attrs;
    if (type !== 'retry' || id === undefined) return null;
    const name = nameOf(id, participant ?? from);
    const known = requests.get(name);
    const request = known?.stanza === stanza ? known : createRequest(stanza);
    request.held = false;
    if (request !== known) requests.set(name, request);
    return request;
  }

  return {
    follow(sock, before) {
      const client: EventEmitter = sock.ws;
      const listeners = client.listeners(RECEIPT);
      client.removeAllListeners(RECEIPT);
      for (const listener of listeners) {
        client.on(RECEIPT, (stanza: BinaryNode) => {
          const request = requestOf(stanza);
          if (!request || !before) return listener(request?.node ?? stanza);
          return before(readReceipt(stanza)?.ids ?? []).then(() => listener(request.node));
        });
      }
      again = (stanza) => void client.emit(RECEIPT, stanza);
    },
    failed(facts) {
      const { id, participant } = readFacts(facts);
      const request = id === null ? undefined : requests.get(nameOf(id, participant));
      if (!request) return;
      request.failures++;
      request.held = request.failures < MAX_TRIES;
      if (request.held) return void tryLater(request);
      logger.warn('a device that could not read a message does not get it again', {
        accountId,
        messageId: id,
      });
    },
  };
}

/**
 * A request that cannot be confirmed while it is held. In rc14 the confirmation is the only place that looks at the tag; what
 * is thrown there it logs, and goes on.
 */
function createRequest(stanza: BinaryNode): Request {
  const request: Request = {
    stanza,
    failures: 0,
    held: false,
    node: {
      ...stanza,
      get tag() {
        if (request.held) throw new Error('a resend that has failed is not confirmed yet');
        return stanza.tag;
      },
    },
  };
  return request;
}

const nameOf = (id: string, device: string | undefined) => `${id} ${device ?? ''}`;

function readFacts(facts: unknown): { id: string | null; participant: string | undefined } {
  const { key, ids } = Object(facts);
  const [id] = Array.isArray(ids) ? ids : [];
  const participant: unknown = Object(key).participant;
  return {
    id: typeof id === 'string' ? id : null,
    participant: typeof participant === 'string' ? participant : undefined,
  };
}
