/** Whether whoever asks is still there. */
import type { Context } from 'hono';
import type { HttpEnv } from './http-env.ts';

/**
 * Calls `listener` when the caller goes before the answer is written, at once where it has gone already; the returned function ends
 * that. The socket tells it: the request's own signal costs a whole Request, with a stream of its body.
 */
export function whenGone({ env, req }: Pick<Context, 'env' | 'req'>, listener: () => void): () => void {
  const answer = answerOf(env);
  if (answer === undefined) return whenAborted(req.raw.signal, listener);
  if (answer.destroyed) listener();
  answer.once('close', listener);
  return () => void answer.off('close', listener);
}

/** The same of a signal: for many listeners of one request. */
export function whenAborted(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) listener();
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

/** Node's answer; undefined in tests that call the app directly. */
function answerOf(env: HttpEnv['Bindings'] | undefined): HttpEnv['Bindings']['outgoing'] {
  return env?.outgoing;
}
