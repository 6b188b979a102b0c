/** The inputs of plans, of usage and of what administrators do with workspaces, for every surface. */
import { z } from 'zod';
import type { LimitName } from '../queue/allowances.ts';
import { PersonName, pageQuery, searchQuery, UserIdParams } from './fields.ts';
import { LIMIT_NAMES } from './quotas.ts';

/** More than anybody has; it keeps sums exact. */
const MAX_LIMIT = 1_000_000_000_000;

/** The lowest that a limit can be. Without any request nobody of a workspace could even sign in: to close it, suspend it. */
export const lowestLimit = (name: LimitName): number => (name === 'requestsPerMinute' ? 1 : 0);

const limitOfName = (name: LimitName) => z.int().min(lowestLimit(name)).max(MAX_LIMIT).optional();
type LimitShape = Record<LimitName, ReturnType<typeof limitOfName>>;

/** Safe because the names are all of them. */
const LIMITS = Object.fromEntries(LIMIT_NAMES.map((name) => [name, limitOfName(name)])) as LimitShape;

export const LimitFields = z
  .object(LIMITS)
  .describe('what is missing is as the service has it; messages are those of a day or month in UTC');

export const PlanFields = z.object({ name: PersonName, limits: LimitFields });
export type PlanFields = z.output<typeof PlanFields>;

export const PlanChanges = PlanFields.partial();
export type PlanChanges = z.output<typeof PlanChanges>;

const PlanId = z.string().min(1).max(32);
export const PlanParams = z.object({ planId: PlanId });
export type PlanParams = z.output<typeof PlanParams>;

export const WorkspaceParams = z.object({ workspaceId: UserIdParams.shape.id });
export type WorkspaceParams = z.output<typeof WorkspaceParams>;

export const AssignFields = z.object({
  planId: PlanId.nullable().optional().describe('null: no plan; missing: as it is'),
  limits: LimitFields.optional().describe(
    'of this workspace alone, before those of the plan; missing: as they are',
  ),
});
export type AssignFields = z.output<typeof AssignFields>;

export const SuspendFields = z.object({
  reason: z.string().trim().max(300).optional().describe('what its members are told'),
});
export type SuspendFields = z.output<typeof SuspendFields>;

export const Month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'must be a month such as 2026-01');

export const ListWorkspacesQuery = z.object({
  ...pageQuery,
  ...searchQuery,
  month: Month.optional().describe('whose messages are counted, in UTC; this month when missing'),
});
export type ListWorkspacesQuery = z.output<typeof ListWorkspacesQuery>;
