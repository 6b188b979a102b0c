import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withRoleTable } from '../../scripts/role-table.ts';
import { WORKSPACE_ROLES } from '../../src/db/schema.ts';
import { grantableScopes, PERMISSIONS, roleMay, SCOPES, scopesWithin } from '../../src/services/roles.ts';

describe('the table of roles', () => {
  it('stands in docs/workspaces.md as it is', () => {
    const text = readFileSync(new URL('../../docs/workspaces.md', import.meta.url), 'utf8');
    expect(withRoleTable(text)).toBe(text);
  });

  it('gives an owner everything, and everybody else less', () => {
    for (const permission of PERMISSIONS) expect(roleMay('owner', permission)).toBe(true);
    for (const role of WORKSPACE_ROLES.filter((name) => name !== 'owner')) {
      expect(roleMay(role, 'ownership'), role).toBe(false);
      expect(roleMay(role, 'read'), role).toBe(true);
    }
  });
});

describe('scopes of keys', () => {
  it('are at most what the maker may', () => {
    expect(grantableScopes('owner')).toEqual(SCOPES);
    expect(grantableScopes('developer')).not.toContain('*');
    expect(grantableScopes('viewer')).toEqual(['read']);
  });

  it('shrink with the role of the maker', () => {
    expect(scopesWithin('admin', ['*'])).toEqual(['*']);
    expect(scopesWithin('operator', ['*'])).toEqual([
      'read',
      'messages:write',
      'sessions:write',
      'otp',
      'media:write',
    ]);
    expect(scopesWithin('marketer', ['broadcast', 'webhooks'])).toEqual(['broadcast']);
    expect(scopesWithin('viewer', ['otp'])).toEqual([]);
  });
});
