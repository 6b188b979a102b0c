/** `/health`: for people and probes; nobody needs a credential. */
import { z } from 'zod';
import { isReady, readHealth } from '../services/health.ts';
import { AppError } from '../utils/errors.ts';
import { type Route, route } from './route.ts';

const tag = 'Operations';
const RETRY_AFTER_SECONDS = 2;

const SAID = {
  ok: 'The service is well.',
  degraded: 'Files cannot be kept or read at the moment; everything else works.',
};

const Health = z
  .object({
    status: z
      .enum(['ok', 'degraded', 'down'])
      .describe('degraded: files cannot be kept or read, everything else works'),
    phase: z.enum(['starting', 'ready', 'stopping']),
    database: z.object({
      status: z.enum(['up', 'down']),
      type: z.enum(['sqlite', 'mysql']),
      latencyMs: z.number().nullable(),
    }),
    storage: z.object({ status: z.enum(['up', 'down']), type: z.enum(['local', 's3']) }),
    engine: z.object({
      name: z.string(),
      sessions: z.record(z.string(), z.int()).nullable().describe('how many are in each state'),
    }),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: 'Health' });

export const healthRoutes: Route[] = [
  route({
    method: 'get',
    path: '/health',
    tag,
    summary: 'Database, storage and engine',
    auth: 'public',
    unlimited: true,
    // Clients of an older system look for it in `data`, as in every other answer.
    response: Health.extend({ message: z.string(), data: Health }).meta({ id: 'HealthAnswer' }),
    errors: ['UNAVAILABLE'],
    handler: async ({ ctx }) => {
      const health = { ...(await readHealth(ctx)), timestamp: new Date(ctx.clock.now()).toISOString() };
      if (health.status !== 'down') return { message: SAID[health.status], ...health, data: health };
      throw new AppError('UNAVAILABLE', 'The database is away.', {
        details: health,
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    },
  }),
  route({
    method: 'get',
    path: '/health/live',
    tag,
    summary: 'The process answers',
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
    description: '503 until the service has started, while it stops, and while the database is away.',
    auth: 'public',
    unlimited: true,
    response: z.object({ status: z.literal('ready') }),
    errors: ['UNAVAILABLE'],
    handler: async ({ ctx }) => {
      if (await isReady(ctx)) return { status: 'ready' };
      throw new AppError('UNAVAILABLE', 'Not ready.', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    },
  }),
];
