/** `/pool`: sessions that send together. */
import { z } from 'zod';
import {
  createPool,
  deletePool,
  getPool,
  listPools,
  PoolInput,
  PoolOutput,
  updatePool,
} from '../services/pools.ts';
import { type Route, route } from './route.ts';

const tag = 'Sender pools';
const scope = 'sessions:write';
const params = z.object({ poolId: z.string().min(1).max(120).describe('id or name') });
const example = { params: { poolId: 'shops' } };
const One = z.object({ data: PoolOutput });
const created = (data: PoolOutput) => ({ success: true as const, data });

export const poolRoutes: Route[] = [
  route({
    method: 'get',
    path: '/pool/list',
    tag,
    summary: 'List sender pools',
    description:
      'Every pool with its sessions in their order. A message names one as `pool` instead of a session.',
    auth: 'credential',
    scope: 'read',
    response: z.object({ data: z.array(PoolOutput) }),
    handler: async ({ ctx }) => ({ data: await listPools(ctx) }),
  }),
  route({
    method: 'post',
    path: '/pool/create',
    tag,
    summary: 'Make a sender pool',
    description:
      'Sends and codes may name it as `pool` instead of a session: people stay with the number that they know, others go to a number that is ready and where least waits. Every limit of every session holds.',
    auth: 'credential',
    scope,
    idempotent: true,
    status: 201,
    body: PoolInput,
    response: One,
    errors: ['SESSION_NOT_FOUND', 'CONFLICT', 'QUOTA_EXCEEDED'],
    example: { body: { name: 'shops', sessions: ['my-session'] } },
    handler: ({ ctx, body }) =>
      createPool(ctx, body, (data) => ({ status: 201, body: created(data) })).then((data) => ({ data })),
  }),
  route({
    method: 'get',
    path: '/pool/:poolId',
    tag,
    summary: 'One sender pool',
    description: 'Its name and its sessions in their order.',
    auth: 'credential',
    scope: 'read',
    params,
    response: One,
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params: { poolId } }) => ({ data: await getPool(ctx, poolId) }),
  }),
  route({
    method: 'put',
    path: '/pool/:poolId',
    tag,
    summary: 'Change a sender pool',
    description:
      'Fields that are left out stay. It counts for what is sent from now on; what waits keeps its session.',
    auth: 'credential',
    scope,
    params,
    body: PoolInput.partial(),
    response: One,
    errors: ['NOT_FOUND', 'SESSION_NOT_FOUND', 'CONFLICT'],
    example: { ...example, body: { sessions: ['my-session'] } },
    handler: async ({ ctx, params: { poolId }, body }) => ({ data: await updatePool(ctx, poolId, body) }),
  }),
  route({
    method: 'delete',
    path: '/pool/:poolId',
    tag,
    summary: 'Delete a sender pool',
    description: 'Its sessions stay.',
    auth: 'credential',
    scope,
    params,
    response: z.object({ message: z.string() }),
    errors: ['NOT_FOUND'],
    example,
    handler: async ({ ctx, params: { poolId } }) => {
      await deletePool(ctx, poolId);
      return { message: 'The pool was deleted.' };
    },
  }),
];
