/** A user of its own for each test, made without waiting for bcrypt. */
import { transact } from '../../src/db/ops.ts';
import type { Credentials } from '../../src/services/auth/credentials.ts';
import { newApiKey } from '../../src/services/auth/keys.ts';
import type { Deps, Role } from '../../src/services/context.ts';
import type { WorkspaceRole } from '../../src/services/roles.ts';
import { insertUser } from '../../src/services/users.ts';

export interface Tenant {
  id: number;
  email: string;
  password: string;
  token: string;
  apiKey: string;
}

/** bcrypt, 4 rounds, of TENANT_PASSWORD: a test need not pay 87 ms for each user. */
const PASSWORD_HASH = '$2b$04$kJ4p0i1kAp9LXN5DjwpmrelCakHu963lUn758/wfFD0EbvnzQyRL2';
const TENANT_PASSWORD = 'tenant-password';

let made = 0;

export interface Member extends Tenant {
  workspaceId: number;
}

/** A person of their own for the workspace, with this role there and no other workspace. */
export async function makeMember(
  deps: Pick<Deps, 'db' | 'secrets' | 'clock'> & { credentials: Credentials },
  workspaceId: number,
  role: WorkspaceRole,
  {
    sessionId = null,
    sessions = sessionId === null ? null : [sessionId],
    serviceRole = 'user' as Role,
  }: { sessionId?: string | null; sessions?: string[] | null; serviceRole?: Role } = {},
): Promise<Member> {
  const apiKey = newApiKey();
  const email = `member-${process.pid}-${++made}@example.com`;
  const input = { email, name: `Member ${made}`, role: serviceRole, passwordHash: PASSWORD_HASH, apiKey };
  const joins = { workspaceId, role, sessions };
  const row = await transact(deps.db, (tx) => insertUser(tx, deps, { ...input, joins }));
  const token = deps.credentials.signToken(row.id, row.tokenVersion, workspaceId);
  return { id: row.id, email, password: TENANT_PASSWORD, token, apiKey, workspaceId };
}

/** One tenant a role for many tests, in which it is refused everything: that changes nothing of it. */
export function oncePerRole(make: (role: Role) => Promise<Tenant>): (role: Role) => Promise<Tenant> {
  const made = new Map<Role, Promise<Tenant>>();
  return (role) => {
    const tenant = made.get(role) ?? make(role);
    made.set(role, tenant);
    return tenant;
  };
}

export async function makeTenant(
  deps: Pick<Deps, 'db' | 'secrets' | 'clock'> & { credentials: Credentials },
  role: Role = 'user',
): Promise<Tenant> {
  const apiKey = newApiKey();
  const email = `tenant-${process.pid}-${++made}@example.com`;
  const input = { email, name: `Tenant ${made}`, role, passwordHash: PASSWORD_HASH, apiKey };
  const row = await transact(deps.db, (tx) => insertUser(tx, deps, input));
  const token = deps.credentials.signToken(row.id, row.tokenVersion);
  return { id: row.id, email, password: TENANT_PASSWORD, token, apiKey };
}
