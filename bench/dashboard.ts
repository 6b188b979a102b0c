/**
 * `npm run bench -- dashboard [rows]` (DB_TYPE=mysql as for `analytics`): how long each page of the dashboard takes, and
 * how large it is, for a tenant with a million messages. The goals are 100 ms and 100 KB.
 */
import { createApp } from '../src/app.ts';
import { allPages } from '../src/controllers/dashboard/index.ts';
import { closeHistory, db, deps, TENANT } from './analytics/history.ts';
import { measure } from './measure/times.ts';

const { allRoutes } = await import('../src/controllers/index.ts');
const { users } = await import('../src/db/schema.ts');

const at = Date.now();
await db.insert(users).values({
  id: TENANT,
  email: 'bench@example.com',
  name: 'Bench',
  role: 'admin',
  passwordHash: '',
  status: 'active',
  createdAt: at,
  updatedAt: at,
});
const cookie = `wahub_session=${deps.credentials.signToken(TENANT, 0)}`;
// Nothing here is about limits.
const httpLimits = { ...deps.config.httpLimits, apiMaxPerMinute: 10_000_000 };
const app = createApp({ ...deps, config: { ...deps.config, httpLimits } }, allRoutes);

const KNOWN: Record<string, string> = { sessionId: 'session-0', id: String(TENANT), number: '6281200004711' };
const pathOf = (path: string) => path.replace(/:(\w+)/g, (_all, name: string) => KNOWN[name] ?? 'x');

for (const { method, path, auth } of allPages) {
  if (method !== 'get' || auth === 'public') continue;
  const look = async () => {
    const reply = await app.request(pathOf(path), { headers: { cookie } });
    return { status: reply.status, bytes: (await reply.arrayBuffer()).byteLength };
  };
  const { status, bytes } = await look();
  if (status !== 200) console.log(`${path}: ${status}`);
  else await measure(`${pathOf(path)} (${(bytes / 1000).toFixed(0)} KB)`, look);
}
await app.stop();
await closeHistory();
