/** What the verbs of workspaces take, for every surface. */
import { z } from 'zod';
import { PersonName, pageQuery, UserIdParams } from '../fields.ts';

export const WorkspaceFields = z.object({ name: PersonName });
export type WorkspaceFields = z.output<typeof WorkspaceFields>;

export const ListMembersQuery = z.object({ ...pageQuery });
export type ListMembersQuery = z.output<typeof ListMembersQuery>;

export const SwitchFields = z.object({ workspaceId: UserIdParams.shape.id });
export type SwitchFields = z.output<typeof SwitchFields>;
