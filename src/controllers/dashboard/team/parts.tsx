/** What the pages of a team share. */
import { WORKSPACE_ROLES } from '../../../db/schema.ts';
import type { Ctx } from '../../../services/context.ts';
import type { WorkspaceRole } from '../../../services/roles.ts';
import type { View } from '../page.ts';
import { Select } from '../parts.tsx';
import { TEAM_TEXTS, workspaceRoleNames, workspaceRoleUses } from './texts.ts';

export const HERE = '/dashboard/team';

/** Whether the reader invites, changes and removes people, and reads the audit. */
export function managesTeam(ctx: Ctx, view: View): boolean {
  return view.may('members') && ctx.actor.sessionId === null;
}

interface RoleSelectProps {
  view: View;
  value: WorkspaceRole;
  without?: WorkspaceRole;
  label?: string;
  /** when several forms of a page have one */
  id?: string;
}

/** The roles that the reader may give. */
export function RoleSelect({ view, value, without, ...select }: RoleSelectProps) {
  const roles = WORKSPACE_ROLES.filter(
    (role) => role !== without && (role !== 'owner' || view.may('ownership')),
  );
  const names = workspaceRoleNames(view.lang);
  const uses = workspaceRoleUses(view.lang);
  return (
    <Select
      label={select.label ?? TEAM_TEXTS(view.lang).role}
      name="role"
      {...(select.id === undefined ? {} : { id: select.id })}
      value={value}
      options={roles.map((role) => [role, `${names[role]}: ${uses[role]}`] as const)}
    />
  );
}

interface SessionSelectProps {
  view: View;
  sessions: readonly string[];
  value?: string | undefined;
}

/** All sessions, or one of them. */
export function SessionSelect({ view, sessions, value }: SessionSelectProps) {
  const t = TEAM_TEXTS(view.lang);
  return (
    <Select
      label={t.oneSession}
      name="sessionId"
      value={value}
      options={[['', t.allSessions], ...sessions.map((id) => [id, id] as const)]}
    />
  );
}
