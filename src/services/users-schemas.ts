/** The inputs of the verbs of users, for every surface. */
import { z } from 'zod';
import { Email, NewPassword, PersonName, pageQuery, Role, UserIdParams, WorkspaceRole } from './fields.ts';

export const ListUsersQuery = z.object({ ...pageQuery, search: z.string().max(255).optional() });
export type ListUsersQuery = z.output<typeof ListUsersQuery>;

export const CreateUserFields = z.object({
  email: Email,
  password: NewPassword,
  name: PersonName,
  role: Role.default('user'),
  workspace: UserIdParams.shape.id.optional().describe('the workspace to join; missing: a new one'),
  workspaceRole: WorkspaceRole.optional().describe('there'),
});
export type CreateUserFields = z.output<typeof CreateUserFields>;

export const UpdateUserFields = z.object({
  name: PersonName.optional(),
  email: Email.optional(),
  role: Role.optional(),
  status: z.enum(['active', 'disabled']).optional(),
  password: NewPassword.optional(),
  revokeApiKeys: z.boolean().optional().describe('end all API keys of that user as well'),
});
export type UpdateUserFields = z.output<typeof UpdateUserFields>;
