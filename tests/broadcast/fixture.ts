/** A tenant with a session and a list, over the whole HTTP surface. */
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import {
  type Call,
  openTestApp,
  type Reply,
  type Tenant,
  type TestApp,
  type TestAppOptions,
} from '../helpers/app.ts';

export interface World {
  t: TestApp;
  tenant: Tenant;
  /** of `main`, the session of the tenant */
  accountId: string;
  /** calls `/session/main/broadcast…` as the tenant */
  call(path: string, call?: Call): Promise<Reply>;
  post(path: string, body: unknown): Promise<Reply>;
  form(path: string, form: FormData, headers?: Record<string, string>): Promise<Reply>;
  /** a new list; its id */
  list(name?: string): Promise<string>;
  close(): Promise<void>;
}

export async function openWorld(options: TestAppOptions = {}): Promise<World> {
  const t = await openTestApp(options);
  return { ...(await enterAs(t, await t.tenant())), close: () => t.close() };
}

/** The same app as somebody else, who has a session `main` as well. */
export async function enterAs(t: TestApp, tenant: Tenant): Promise<World> {
  const accountId = await addSession(t, tenant.id, 'main');
  const call = (path: string, given: Call = {}) =>
    t.call(`/session/main/broadcast${path}`, { token: tenant.token, ...given });
  const post = (path: string, body: unknown) => call(path, { method: 'POST', body });
  return {
    t,
    tenant,
    accountId,
    call,
    post,
    async form(path, form, headers = {}) {
      // What fetch itself makes of a form: the boundary, and a body in pieces.
      const request = new Request(`http://test.invalid/session/main/broadcast${path}`, {
        method: 'POST',
        body: form,
        headers: { authorization: `Bearer ${tenant.token}`, ...headers },
      });
      const response = await t.app.request(request);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
    },
    async list(name = 'Customers') {
      return String(dataOf(await post('/lists', { name })).id);
    },
    close: async () => undefined,
  };
}

async function addSession(t: TestApp, userId: number, sessionId: string): Promise<string> {
  const id = newId();
  const at = Date.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id,
    userId,
    sessionId,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
  return id;
}

/** `data` of an answer; fails when there is none. */
export function dataOf(reply: Reply): Record<string, unknown> {
  const { data } = reply.body;
  if (typeof data !== 'object' || data === null) throw new Error(`no data in ${reply.status} ${reply.text}`);
  return { ...data };
}

/** `data` of a page. */
export function rowsOf(reply: Reply): Record<string, unknown>[] {
  const { data } = reply.body;
  if (!Array.isArray(data)) throw new Error(`no rows in ${reply.status} ${reply.text}`);
  return data;
}

/** Sends a file as a form. */
export function upload(
  w: World,
  path: string,
  content: string | Uint8Array | Blob,
  {
    field = 'file',
    name = 'contacts.csv',
    headers = {},
  }: { field?: string; name?: string; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const form = new FormData();
  const blob = content instanceof Blob ? content : new Blob([Buffer.from(content)]);
  form.append(field, blob, name);
  return w.form(path, form, headers);
}
