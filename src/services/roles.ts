/** Which role of a workspace may do what: the one table. Verbs ask it through access.ts, docs/roles.md is made of it. */
import type { ROLES, WORKSPACE_ROLES } from '../db/schema.ts';

/** Scopes of extra API keys. `*` is everything a key may do. */
export const SCOPES = [
  '*',
  'read',
  'messages:write',
  'sessions:write',
  'otp',
  'broadcast',
  'webhooks',
  'media:write',
  'analytics:write',
] as const;
export type Scope = Exclude<(typeof SCOPES)[number], '*'>;

/**
 * Actions that only a person may take. `keys`: make and end API keys. `settings`: what all sessions share, such as the time zone.
 * `members`: invite, change and remove people, and read the audit. `ownership`: make and unmake owners.
 */
const PERSONAL = ['keys', 'settings', 'members', 'ownership'] as const;

export const PERMISSIONS = [...SCOPES.filter((scope) => scope !== '*'), ...PERSONAL] as const;
export type Permission = Scope | (typeof PERSONAL)[number];
export type WorkspaceRole = (typeof WORKSPACE_ROLES)[number];

const EVERY_SCOPE: readonly Scope[] = SCOPES.filter((scope) => scope !== '*');

export const ROLE_TABLE: Readonly<Record<WorkspaceRole, readonly Permission[]>> = {
  owner: [...EVERY_SCOPE, 'keys', 'settings', 'members', 'ownership'],
  admin: [...EVERY_SCOPE, 'keys', 'settings', 'members'],
  operator: ['read', 'messages:write', 'sessions:write', 'otp', 'media:write'],
  marketer: ['read', 'broadcast', 'media:write'],
  // Enough for the programs that a developer writes: their keys can never do more than their makers.
  developer: ['read', 'messages:write', 'otp', 'webhooks', 'media:write', 'keys'],
  viewer: ['read'],
};

/** Whether a member of that role may do it. */
export function roleMay(role: WorkspaceRole, permission: Permission): boolean {
  return ROLE_TABLE[role].includes(permission);
}

/** A role that holds every scope. */
function mayEverything(role: WorkspaceRole): boolean {
  return EVERY_SCOPE.every((scope) => roleMay(role, scope));
}

/** The scopes that a member of that role may give a key. */
export function grantableScopes(role: WorkspaceRole): readonly (typeof SCOPES)[number][] {
  return SCOPES.filter((scope) => (scope === '*' ? mayEverything(role) : roleMay(role, scope)));
}

/** Those of a key's scopes that its maker may still use. `*` becomes what the role holds. */
export function scopesWithin(role: WorkspaceRole, scopes: readonly string[]): readonly string[] {
  if (mayEverything(role)) return scopes;
  return EVERY_SCOPE.filter(
    (scope) => roleMay(role, scope) && (scopes.includes('*') || scopes.includes(scope)),
  );
}

/** The role that a member may have in the workspace: whoever is read-only in the service is so in each workspace. */
export function effectiveRole(inService: (typeof ROLES)[number], role: WorkspaceRole): WorkspaceRole {
  return inService === 'readonly' ? 'viewer' : role;
}
