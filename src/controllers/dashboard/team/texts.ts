import { texts } from '../i18n.ts';
import * as english from '../locales/en/team.ts';
import * as indonesian from '../locales/id/team.ts';

export const TEAM_TEXTS = texts({ en: english.team, id: indonesian.team });
export type TeamTexts = ReturnType<typeof TEAM_TEXTS>;

/** What the roles of a workspace are called, and what they are for. */
export const workspaceRoleNames = texts({ en: english.workspaceRoles, id: indonesian.workspaceRoles });
export const workspaceRoleUses = texts({
  en: english.workspaceRolesAbout,
  id: indonesian.workspaceRolesAbout,
});
