/** What the pages of a team share. */
import { z } from 'zod';
import { WORKSPACE_ROLES } from '../../../db/schema.ts';
import type { Ctx } from '../../../services/context.ts';
import type { WorkspaceRole } from '../../../services/roles.ts';
import { SessionId } from '../../schemas.ts';
import type { View } from '../page.ts';
import { Check, Select } from '../parts.tsx';
import { TEAM_TEXTS, workspaceRoleNames, workspaceRoleUses } from './texts.ts';

export const HERE = '/dashboard/team';

/** Whether the reader invites, changes and removes people, and reads the audit. */
export function managesTeam(ctx: Ctx, view: View): boolean {
  return view.may('members') && ctx.actor.sessionIds === null;
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

interface SessionChecksProps {
  view: View;
  sessions: readonly string[];
  /** null: all */
  value?: readonly string[] | null;
}

/** The sessions that somebody sees: none ticked means all. One that is gone stays on the list while it is chosen. */
export function SessionChecks({ view, sessions, value }: SessionChecksProps) {
  const t = TEAM_TEXTS(view.lang);
  const chosen = new Set(value ?? []);
  const all = [...sessions, ...[...chosen].filter((name) => !sessions.includes(name))];
  if (all.length === 0) return null;
  return (
    <fieldset class="stack">
      <legend>{t.oneSession}</legend>
      {all.map((name) => (
        <Check label={name} name="sessionIds" value={name} checked={chosen.has(name)} />
      ))}
      <span class="hint">{t.sessionsHint}</span>
    </fieldset>
  );
}

/** The boxes of `SessionChecks`, as a form sends them. */
export const TickedSessions = z
  .preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(SessionId).max(50).optional())
  .transform((names) => names ?? null);
