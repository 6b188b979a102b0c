/** Metrics that are counted as things happen. */
import type { EventStream, LiveEvent } from '../../events/stream.ts';
import type { Clock } from '../../utils/clock.ts';
import type { GuardedHttp, Outgoing } from '../../utils/guarded-fetch.ts';
import type { Engine, SendResult } from '../../whatsapp/engine.ts';
import type { SeenRequest } from '../analytics/request-recorder.ts';
import type { Metrics } from './registry.ts';

/** Values that come from elsewhere (error codes of WhatsApp): the first so many, then `other`. */
const MAX_VALUES = 50;

/** Bounds how many values a label can take. */
function createBound(): (value: unknown) => string {
  const known = new Set<string>();
  return (value) => {
    if (typeof value !== 'string' || value === '') return 'none';
    if (!known.has(value) && known.size >= MAX_VALUES) return 'other';
    known.add(value);
    return value;
  };
}

const MESSAGE = 'message.';
const OTP = 'otp.';

/** Counts facts after their commit. */
export function countEvents(metrics: Metrics, stream: EventStream): void {
  const code = createBound();
  const reason = createBound();
  const quota = createBound();
  stream.tap((event: LiveEvent) => {
    if (event.event.startsWith(MESSAGE)) metrics.messages.inc({ event: event.event.slice(MESSAGE.length) });
    else if (event.event.startsWith(OTP)) metrics.otps.inc({ event: event.event.slice(OTP.length) });
    if (event.event === 'message.failed') metrics.messageFailures.inc({ code: code(event.data.errorCode) });
    if (event.event === 'usage.warning') {
      metrics.usageWarnings.inc({ quota: quota(event.data.quota), percent: String(event.data.percent) });
    }
    if (event.event === 'session.status') {
      metrics.sessionChanges.inc({ status: String(event.data.status), reason: reason(event.data.reason) });
    }
  });
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts a request under the pattern of its route: unknown paths count as one. */
export function countRequest(metrics: Metrics, { method, route, status, durationMs }: SeenRequest): void {
  const labels = {
    method: METHODS.has(method) ? method : 'other',
    route: route ?? 'none',
    status: String(status),
  };
  metrics.requests.observe(labels, durationMs / 1000);
}

/** The same engine; each attempt, and the acknowledgement of those that left, is measured. */
export function measureEngine(metrics: Metrics, clock: Clock, engine: Engine): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (name !== 'send') return Reflect.get(target, name, target);
      return (...args: Parameters<Engine['send']>) => measureSend(metrics, clock, target, args);
    },
  });
}

async function measureSend(
  metrics: Metrics,
  clock: Clock,
  engine: Engine,
  [accountId, to, content, options]: Parameters<Engine['send']>,
): Promise<SendResult> {
  const beganMs = clock.monotonic();
  let leftMs: number | null = null;
  const noted = (ask: () => Promise<boolean>) => async () => {
    const may = await ask();
    if (may) leftMs = clock.monotonic();
    return may;
  };
  const { mayRelay, mayLeave } = options;
  const result = await engine.send(accountId, to, content, {
    ...options,
    mayRelay: noted(mayRelay),
    ...(mayLeave ? { mayLeave: noted(mayLeave) } : {}),
  });
  const endedMs = clock.monotonic();
  metrics.sends.observe({ outcome: result.outcome }, (endedMs - beganMs) / 1000);
  if (result.outcome === 'acknowledged' && leftMs !== null) {
    metrics.acknowledgements.observe((endedMs - leftMs) / 1000);
  }
  return result;
}

/** The same HTTP client; each POST is measured. For the webhook sender. */
export function measurePosts(metrics: Metrics, clock: Clock, outgoing: Outgoing): Outgoing {
  const measured = (http: GuardedHttp): GuardedHttp => ({
    ...http,
    async post(url, options) {
      const beganMs = clock.monotonic();
      let outcome = 'unreachable';
      try {
        const answer = await http.post(url, options);
        outcome = `${Math.floor(answer.status / 100)}xx`;
        return answer;
      } finally {
        metrics.webhooks.observe({ outcome }, (clock.monotonic() - beganMs) / 1000);
      }
    },
  });
  return { ...outgoing, hooks: measured(outgoing.hooks), trusted: measured(outgoing.trusted) };
}
