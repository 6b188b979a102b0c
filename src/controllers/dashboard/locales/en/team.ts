export const team = {
  team: 'Team',
  members: 'Members',
  membersAbout:
    'The people of this workspace. They see the same sessions, messages and lists; the role says what they may change.',
  name: 'Name',
  email: 'E-mail',
  role: 'Role',
  session: 'Session',
  allSessions: 'all',
  lastSignIn: 'Last sign-in',
  joined: 'Member since',
  you: 'you',
  disabled: 'disabled',
  workspaces: 'Workspaces',
  workspacesAbout: 'You belong to these workspaces. What you see and do is always in one of them.',
  here: 'you are here',
  open: 'Go there',
  switched: (name: string) => `You are in ${name} now.`,
  newWorkspace: 'New workspace',
  newWorkspaceAbout: 'It begins empty, and you own it.',
  create: 'Create',
  created: (name: string) => `${name} is there, and you are in it.`,
  rename: 'Name of the workspace',
  save: 'Save',
  renamed: 'The name is saved.',
};

export const workspaceRoles = {
  owner: 'owner',
  admin: 'admin',
  operator: 'operator',
  marketer: 'marketer',
  developer: 'developer',
  viewer: 'viewer',
};

export const workspaceRolesAbout = {
  owner: 'everything, and who else owns the workspace',
  admin: 'everything but the owners',
  operator: 'sessions, messages and login codes',
  marketer: 'broadcasts, lists and templates',
  developer: 'API keys, webhooks, logs; sends messages and codes to try them',
  viewer: 'looks at everything and changes nothing',
};
