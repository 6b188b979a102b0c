/**
 * Resends that fail. A device that cannot read a message asks for it again, and Baileys confirms that request whether its
 * resend worked or not: the server would never bring it back. So it is carried out again, a few times, while the socket
 * lives.
 */
import type { BinaryNode, WASocket } from '@whiskeysockets/baileys';
import { jitteredBackoffMs } from '../../utils/backoff.ts';
import { type Clock, sleep } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import type { Logger } from '../../utils/logger.ts';
import { createLru } from '../../utils/lru.ts';

/** The line that rc14 logs, with `{ key, ids }`, when a resend has thrown; it tells it nowhere else. */
export const FAILED_RESEND = 'error in sending message again';

/** Requests of a socket that are remembered, and for how long. */
const MAX_REQUESTS = 200;
const REQUEST_MS = 10 * MINUTE_MS;
const PAUSE = { firstMs: 2_000, maxMs: 30_000 };
/** rc14 itself sends a message five times to the same device at most. */
const MAX_TRIES = 4;

interface Request {
  node: BinaryNode;
  failures: number;
}

export interface Resends {
  /** Remembers the requests that come in on this socket. Call it once. */
  follow(sock: WASocket): void;
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
  let again: (node: BinaryNode) => void = () => undefined;

  async function tryLater(request: Request): Promise<void> {
    await sleep(clock, jitteredBackoffMs(PAUSE, request.failures, Math.random()), closed);
    if (!closed.aborted) again(request.node);
  }

  return {
    follow(sock) {
      sock.ws.prependListener('CB:receipt', (node: BinaryNode) => {
        const { id, from, participant, type } = node.attrs;
        if (type !== 'retry' || id === undefined) return;
        const name = nameOf(id, participant ?? from);
        // Another request of the same device starts again, with the keys that it brings.
        if (requests.get(name)?.node !== node) requests.set(name, { node, failures: 0 });
      });
      again = (node) => void sock.ws.emit('CB:receipt', node);
    },
    failed(facts) {
      const { id, participant } = readFacts(facts);
      const request = id === null ? undefined : requests.get(nameOf(id, participant));
      if (!request) return;
      request.failures++;
      if (request.failures < MAX_TRIES) return void tryLater(request);
      logger.warn('a device that could not read a message does not get it again', {
        accountId,
        messageId: id,
      });
    },
  };
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
