/** Ending an upload from outside: Baileys takes no signal for it, so the agent that its requests go by knows it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Agent, ClientRequest } from 'node:http';
import type { Readable } from 'node:stream';
import { AppError } from '../../utils/errors.ts';

const scope = new AsyncLocalStorage<AbortSignal>();

/**
 * What `work` resolves with, or UNAVAILABLE as soon as `signal` is aborted. Requests that `work` makes by a stoppable agent are
 * destroyed then, and it makes no other.
 */
export function untilStopped<R>(signal: AbortSignal, work: () => Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new AppError('UNAVAILABLE', 'The upload of the file took too long.'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) return stop();
    scope
      .run(signal, work)
      .finally(() => signal.removeEventListener('abort', stop))
      .then(resolve, reject);
  });
}

/** What Node calls for each request; its types do not tell. */
type RequestTaker = Agent & { addRequest(request: ClientRequest, ...rest: unknown[]): void };

/** The same agent; requests within `untilStopped` end with it. */
export function stoppable<A extends Agent>(agent: A): A {
  const inner = asTaker(agent);
  return Object.assign(Object.create(agent), {
    addRequest(request: ClientRequest, ...rest: unknown[]) {
      const signal = scope.getStore();
      if (signal) follow(request, signal);
      inner.addRequest(request, ...rest);
    },
  });
}

/** Safe because every agent of Node's has this method: `http.request` refuses others. */
function asTaker(agent: Agent): RequestTaker {
  return agent as RequestTaker;
}

/** A destroyed request lets go of its socket, but not of the file that is read for it. */
function follow(request: ClientRequest, signal: AbortSignal): void {
  signal.throwIfAborted();
  let source: Readable | null = null;
  // A socket calls without any value: the request that follows a redirect belongs to the same upload.
  const { emit } = request;
  request.emit = (...args: Parameters<typeof emit>) => scope.run(signal, () => emit.apply(request, args));
  const stop = () => {
    source?.destroy();
    request.destroy(new Error('the upload was given up'));
  };
  request.once('pipe', (readable: Readable) => {
    source = readable;
    if (signal.aborted) stop();
  });
  request.once('close', () => {
    source?.destroy();
    signal.removeEventListener('abort', stop);
  });
  // One that is destroyed before it has a socket says so late, when nobody listens any more.
  request.on('error', () => undefined);
  signal.addEventListener('abort', stop, { once: true });
}
