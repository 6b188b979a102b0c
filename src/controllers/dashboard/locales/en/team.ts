export const team = {
  team: 'Team',
  members: 'Members',
  membersAbout:
    'Everyone in this workspace sees the same sessions, messages and lists. The role sets what a person may change.',
  name: 'Name',
  email: 'Email',
  role: 'Role',
  session: 'Session',
  allSessions: 'all',
  lastSignIn: 'Last sign-in',
  joined: 'Member since',
  you: 'you',
  disabled: 'disabled',
  workspaces: 'Workspaces',
  workspacesAbout: 'You are a member of these workspaces. You always work in one at a time.',
  here: 'current',
  open: 'Switch',
  switched: (name: string) => `You are now in ${name}.`,
  newWorkspace: 'New workspace',
  newWorkspaceAbout: 'It starts empty, and you are its owner.',
  create: 'Create',
  created: (name: string) => `${name} created. You are now in it.`,
  rename: 'Workspace name',
  save: 'Save',
  renamed: 'Name saved.',
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
