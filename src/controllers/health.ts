/** `/health`: for people and probes, without a credential. */
import { z } from 'zod';
import { type NotReady, readHealth, readReadiness } from '../services/health.ts';
import { AppError } from '../utils/errors.ts';
import { type Route, route } from './route.ts';

const tag = 'Operations';
const RETRY_AFTER_SECONDS = 2;

const SAID = {
  ok: 'The service is well.',
  degraded: 'A part of the service is in trouble (storage, clock or credentials); everything else works.',
};

const Health = z
  .object({
    status: z
      .enum(['ok', 'degraded', 'down'])
      .describe(
        'degraded: files cannot be kept or read, the clock is wrong, or credentials cannot be read; everything else works',
      ),
    phase: z.enum(['starting', 'ready', 'stopping']),
    database: z.object({
      status: z.enum(['up', 'down']),
      type: z.enum(['sqlite', 'mysql']),
      latencyMs: z.number().nullable(),
      writable: z.boolean().describe('false: it answers, but nothing can be kept'),
    }),
    storage: z.object({ status: z.enum(['up', 'down']), type: z.enum(['local', 's3']) }),
    clock: z.object({
      status: z.enum(['ok', 'skewed']),
      skewMs: z
        .number()
        .nullable()
        .describe("how far this machine's clock is from the database's, positive when it is ahead"),
    }),
    engine: z.object({
      name: z.string(),
      sessions: z.record(z.string(), z.int()).nullable().describe('how many are in each state'),
      unreadable: z.int().nullable().describe('sessions whose credentials cannot be read at the moment'),
    }),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: 'Health' });

const SAID_NOT_READY: Record<NotReady, string> = {
  starting: 'Not ready: the service is starting.',
  stopping: 'Not ready: the service is stopping.',
  database_away: 'Not ready: the database is away.',
  database_not_writable: 'The database answers, but nothing can be written: look at its disk and its log.',
  credentials_unreadable:
    'Not ready: the credentials of no session can be read. ENCRYPTION_KEY is probably another one than before.',
};

export const healthRoutes: Route[] = [
  route({
    method: 'get',
    path: '/health',
    tag,
    summary: 'Database, storage and engine',
    description:
      'For a monitor. `degraded` is answered with 200: the service works, with less than it should have. Without its database it answers 503.',
    auth: 'public',
    unlimited: true,
    // Clients of an older system look for it in `data`, as in every other answer.
    response: Health.extend({ message: z.string(), data: Health }).meta({ id: 'HealthAnswer' }),
    errors: ['UNAVAILABLE'],
    handler: async ({ ctx }) => {
      const health = { ...(await readHealth(ctx)), timestamp: new Date(ctx.clock.now()).toISOString() };
      if (health.status !== 'down') return { message: SAID[health.status], ...health, data: health };
      const away = health.database.status === 'down';
      throw new AppError(
        'UNAVAILABLE',
        away ? 'The database is away.' : SAID_NOT_READY.database_not_writable,
        {
          details: health,
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        },
      );
    },
  }),
  route({
    method: 'get',
    path: '/health/live',
    tag,
    summary: 'The process answers',
    description: 'For the liveness probe of an orchestrator. It touches neither the database nor WhatsApp.',
    auth: 'public',
    unlimited: true,
    response: z.object({ status: z.literal('live') }),
    handler: () => ({ status: 'live' }),
  }),
  route({
    method: 'get',
    path: '/health/ready',
    tag,
    summary: 'Requests can be served',
    description:
      '503 until the service has started, while it stops, while the database is away or takes no writes, and while the credentials of no session can be read; `details.reason` says which.',
    auth: 'public',
    unlimited: true,
    response: z.object({
      status: z.literal('ready'),
      unreadableSessions: z.int().describe('sessions whose credentials cannot be read at the moment'),
    }),
    errors: ['UNAVAILABLE'],
    handler: async ({ ctx }) => {
      const readiness = await readReadiness(ctx);
      if (readiness.ready) return { status: 'ready', unreadableSessions: readiness.unreadable };
      const { reason } = readiness;
      throw new AppError('UNAVAILABLE', SAID_NOT_READY[reason], {
        details: { reason },
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    },
  }),
];
