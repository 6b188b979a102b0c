/** `/plan`, and what administrators of the service do with workspaces. */
import { z } from 'zod';
import { assignPlan, createPlan, deletePlan, listPlans, updatePlan } from '../services/plans.ts';
import {
  AssignFields,
  ListWorkspacesQuery,
  PlanChanges,
  PlanFields,
  PlanParams,
  SuspendFields,
  WorkspaceParams,
} from '../services/plans-schemas.ts';
import { exportWorkspaces, listWorkspaces } from '../services/usage.ts';
import { resumeWorkspace, suspendWorkspace } from '../services/workspaces/suspension.ts';
import { answerCsv } from './csv-answer.ts';
import { type Route, route } from './route.ts';
import { Message, Pagination, paginationOf, Timestamp } from './schemas.ts';
import { csvQuery, wantsCsv } from './usage.ts';

const tag = 'Plans';
const NOBODY = '2147483647';
const PLAN_EXAMPLE = { planId: '0'.repeat(32) };

const Plan = z
  .object({
    id: z.string(),
    name: z.string(),
    limits: z.record(z.string(), z.int()),
    workspaces: z.int().describe('how many have it'),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Plan' });

const WorkspaceUsage = z
  .object({
    id: z.int(),
    name: z.string(),
    status: z.enum(['active', 'disabled']),
    suspendedAt: Timestamp.nullable(),
    suspendReason: z.string().nullable(),
    plan: z.object({ id: z.string(), name: z.string() }).nullable(),
    limits: z.record(z.string(), z.int()).describe('of its own'),
    members: z.int(),
    sessions: z.int(),
    month: z.string(),
    messages: z.int().describe('accepted in that month, in UTC'),
    byCategory: z.record(z.string(), z.int()),
  })
  .meta({ id: 'WorkspaceUsage' });

const admin = { tag, auth: 'jwt', role: 'admin' } as const;
const change = { ...admin, writes: true } as const;

const planRoutes: Route[] = [
  route({
    ...admin,
    method: 'get',
    path: '/plan/list',
    summary: 'List the plans',
    description: 'Their limits, and how many workspaces have each of them.',
    response: z.object({ data: z.array(Plan) }),
    handler: async ({ ctx }) => ({ data: await listPlans(ctx) }),
  }),
  route({
    ...change,
    method: 'post',
    path: '/plan/create',
    summary: 'Make a plan',
    description: 'Limits under a name. What a plan does not limit is as the service has it.',
    idempotent: true,
    body: PlanFields,
    status: 201,
    response: z.object({ data: Plan }),
    errors: ['CONFLICT'],
    example: { body: { name: 'Starter', limits: { sessions: 2, messagesPerMonth: 10_000 } } },
    handler: async ({ ctx, body }) => ({ data: await createPlan(ctx, body) }),
  }),
  route({
    ...change,
    method: 'put',
    path: '/plan/:planId',
    summary: 'Change a plan',
    description: 'For all workspaces that have it, within a second. `limits` replaces all of them.',
    params: PlanParams,
    body: PlanChanges,
    response: z.object({ data: Plan }),
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: PLAN_EXAMPLE, body: { limits: { messagesPerMonth: 20_000 } } },
    handler: async ({ ctx, params, body }) => ({ data: await updatePlan(ctx, { ...body, ...params }) }),
  }),
  route({
    ...change,
    method: 'delete',
    path: '/plan/:planId',
    summary: 'Delete a plan that no workspace has',
    description: 'Answers 409 while a workspace has it: give those another plan first.',
    params: PlanParams,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: PLAN_EXAMPLE },
    handler: async ({ ctx, params }) => {
      await deletePlan(ctx, params);
      return { message: 'The plan was deleted.' };
    },
  }),
];

const workspaceAdminRoutes: Route[] = [
  route({
    ...admin,
    method: 'get',
    path: '/workspace/list',
    summary: 'All workspaces, with what they have used',
    description:
      'With their plans and their messages of a month in UTC. As CSV with `format=csv` or `Accept: text/csv`.',
    query: ListWorkspacesQuery.extend(csvQuery),
    response: z.object({ data: z.array(WorkspaceUsage), pagination: Pagination }),
    handler: async ({ ctx, query, http }) => {
      if (wantsCsv(http, query)) {
        const { fileName, lines } = exportWorkspaces(ctx, query);
        return answerCsv(http, fileName, lines);
      }
      const { data, totalItems } = await listWorkspaces(ctx, query);
      return { data, pagination: paginationOf(query, totalItems) };
    },
  }),
  route({
    ...change,
    method: 'put',
    path: '/workspace/:workspaceId/plan',
    summary: 'Give a workspace a plan, or limits of its own',
    description: 'Own limits come before those of the plan. It counts from the next request on.',
    params: WorkspaceParams,
    body: AssignFields,
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: { workspaceId: NOBODY }, body: { planId: null, limits: { messagesPerDay: 1000 } } },
    handler: async ({ ctx, params, body }) => {
      await assignPlan(ctx, { ...body, ...params });
      return { message: 'The limits of the workspace were changed.' };
    },
  }),
  route({
    ...change,
    method: 'post',
    path: '/workspace/:workspaceId/suspend',
    summary: 'Suspend a workspace',
    description:
      'Nothing is sent and its API answers 403 WORKSPACE_SUSPENDED. Nothing is lost: sessions stay linked, what comes in is stored, what waits goes on after it is resumed, or expires in its time.',
    params: WorkspaceParams,
    body: SuspendFields,
    response: Message,
    errors: ['NOT_FOUND', 'CONFLICT'],
    example: { params: { workspaceId: NOBODY }, body: { reason: 'The invoice of January is open.' } },
    handler: async ({ ctx, params, body }) => {
      await suspendWorkspace(ctx, { ...body, ...params });
      return { message: 'The workspace is suspended.' };
    },
  }),
  route({
    ...change,
    method: 'post',
    path: '/workspace/:workspaceId/resume',
    summary: 'Let a suspended workspace go on',
    description: 'Messages that waited are sent again, at the usual pace.',
    params: WorkspaceParams,
    response: Message,
    errors: ['NOT_FOUND'],
    example: { params: { workspaceId: NOBODY } },
    handler: async ({ ctx, params }) => {
      await resumeWorkspace(ctx, params);
      return { message: 'The workspace goes on.' };
    },
  }),
];

export const adminRoutes: Route[] = [...planRoutes, ...workspaceAdminRoutes];
