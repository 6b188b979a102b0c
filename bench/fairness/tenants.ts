/** Users of the service, each with a linked session. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Agent } from 'undici';
import type { Child } from '../gateway/child.ts';
import type { EmulatorCalls } from '../gateway/processes/emulator.ts';
import { createCaller, type Tenant } from './caller.ts';

const PASSWORD = 'correct horse battery';
const LINK_TRIES = 300;

/** Makes `count` users as the admin does, and links a number for each. */
export async function makeTenants(world: {
  url: string;
  agent: Agent;
  emulator: Child<EmulatorCalls>;
  count: number;
}): Promise<Tenant[]> {
  const { url, agent, emulator, count } = world;
  const anybody = createCaller(url, agent, {});
  const signIn = async (email: string): Promise<{ token: string }> =>
    read(await anybody('POST', '/auth/login', { email, password: PASSWORD }));
  const admin = createCaller(url, agent, {
    authorization: `Bearer ${(await signIn('admin@example.com')).token}`,
  });
  const tenants: Tenant[] = [];
  for (let n = 0; n < count; n++) {
    const email = `tenant-${n}@example.com`;
    read(await admin('POST', '/user/create', { email, password: PASSWORD, name: `Tenant ${n}` }));
    const { token } = await signIn(email);
    const call = createCaller(url, agent, { authorization: `Bearer ${token}` });
    const { apiKey } = read(await call('POST', '/auth/regenerate-api-key', { password: PASSWORD }));
    const session = 'main';
    const created = read(await call('POST', '/session/create', { sessionId: session }));
    await emulator.calls.scan({ qr: created.data.qr, phone: `6281110000${String(n).padStart(2, '0')}` });
    for (let tries = 0; tries < LINK_TRIES; tries++) {
      const { data } = read(await call('GET', `/session/status?session=${session}`));
      if (data.status === 'connected') break;
      await pause(50);
    }
    tenants.push({ apiKey, token, email, session });
  }
  return tenants;
}

interface Read {
  token: string;
  apiKey: string;
  data: { qr: string; status: string };
}

/** Safe because a benchmark looks only at what the routes that it calls answer. */
function read({ status, text }: { status: number; text: string }): Read {
  if (status >= 300) throw new Error(`${status} ${text}`);
  const body = JSON.parse(text);
  return { ...body, ...body.data, data: body.data } as Read;
}
