import { texts } from '../i18n.ts';
import * as englishOidc from '../locales/en/oidc.ts';
import * as english from '../locales/en/team.ts';
import * as indonesianOidc from '../locales/id/oidc.ts';
import * as indonesian from '../locales/id/team.ts';

export const TEAM_TEXTS = texts({ en: english.team, id: indonesian.team });
export type TeamTexts = ReturnType<typeof TEAM_TEXTS>;

/** The domains of a workspace. */
export const DOMAIN_TEXTS = texts({ en: englishOidc.domains, id: indonesianOidc.domains });
export type DomainTexts = ReturnType<typeof DOMAIN_TEXTS>;

/** The names of the roles of a workspace, and their uses. */
export const workspaceRoleNames = texts({ en: english.workspaceRoles, id: indonesian.workspaceRoles });
export const workspaceRoleUses = texts({
  en: english.workspaceRolesAbout,
  id: indonesian.workspaceRolesAbout,
});
