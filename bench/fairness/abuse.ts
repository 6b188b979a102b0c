/** A tenant that does its worst: every line goes on as fast as the limits let it, and does not slow down for a 429. */
import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type Agent, request } from 'undici';
import { createCaller, type Tenant } from './caller.ts';

/** More than a user may have open. */
const STREAMS = 110;
/** More than a tenant may have. */
const SLOW_WEBHOOKS = 25;
const CSV_LINES = 20_000;
const UPLOAD_BYTES = 5 * 1024 * 1024;
/** Of each line between two requests: some ten a second, far above every limit a minute. */
const PAUSE_MS = 40;

export interface Abuse {
  /** Ends it; how often each line was given each status. */
  stop(): Promise<Record<string, Record<number, number>>>;
}

export async function startAbuse(input: { url: string; agent: Agent; tenant: Tenant }): Promise<Abuse> {
  const { url, agent, tenant } = input;
  const stopping = new AbortController();
  setMaxListeners(STREAMS + 1, stopping.signal);
  const counts: Record<string, Record<number, number>> = {};
  const owner = createCaller(url, agent, { authorization: `Bearer ${tenant.token}` });
  // A key of its own each time: it begins with the whole limit of a key.
  const name = `abuse ${Date.now()}`;
  const { apiKey } = read(await owner('POST', '/auth/api-keys', { name, scopes: ['*'] }));
  const call = createCaller(url, agent, { 'x-api-key': apiKey });
  const nobody = createCaller(url, agent, {});
  const broadcast = `/session/${tenant.session}/broadcast`;
  const slow = await startSlowReceiver();
  const webhooks: Record<number, number> = {};
  counts.webhooks = webhooks;
  for (let n = 0; n < SLOW_WEBHOOKS; n++) {
    const { status } = await owner('POST', '/webhook', { url: `${slow.url}${n}`, events: ['*'] });
    webhooks[status] = (webhooks[status] ?? 0) + 1;
  }
  const listId = read(await owner('POST', `${broadcast}/lists`, { name })).data.id;
  const csv = form('file', 'contacts.csv', 'text/csv', Buffer.from(csvText()));
  read(await owner('POST', `${broadcast}/lists/${listId}/contacts/bulk`, csv.body, csv.headers));
  // A campaign to 20,000 new people, without a gap, for as long as it lasts.
  read(await owner('POST', `${broadcast}/send`, { listId, message: 'Halo {number}' }));
  const upload = form('file', 'noise.txt', 'text/plain', Buffer.alloc(UPLOAD_BYTES, 'noise '));
  let n = 0;

  const lines: Record<string, () => Promise<{ status: number }>> = {
    reads: () => call('GET', '/message/list?limit=200'),
    overview: () => call('GET', '/analytics/overview'),
    sends: () =>
      call('POST', '/message/send-text', {
        session: tenant.session,
        to: `+62815${String(10_000_000 + n++)}`,
        text: 'x'.repeat(4_000),
      }),
    uploads: () => call('POST', '/media', upload.body, upload.headers),
    imports: () => call('POST', `${broadcast}/lists/${listId}/contacts/bulk`, csv.body, csv.headers),
    campaigns: () => call('POST', `${broadcast}/send`, { listId, message: 'Halo {number}' }),
    exports: () => call('GET', `${broadcast}/export/contacts/${listId}`),
    logs: () => call('GET', '/analytics/export?log=activity&format=csv'),
    wrongKeys: () =>
      nobody('GET', '/message/list', undefined, { 'x-api-key': `wahub_live_${n++}_${'0'.repeat(40)}` }),
    wrongPasswords: () => nobody('POST', '/auth/login', { email: tenant.email, password: `wrong ${n++}` }),
  };

  async function run(name: string, work: () => Promise<{ status: number }>): Promise<void> {
    const seen: Record<number, number> = {};
    counts[name] = seen;
    while (!stopping.signal.aborted) {
      const status = await work().then(
        (answer) => answer.status,
        () => 0,
      );
      seen[status] = (seen[status] ?? 0) + 1;
      await pause(PAUSE_MS);
    }
  }

  async function stream(): Promise<void> {
    const seen: Record<number, number> = counts.streams ?? {};
    counts.streams = seen;
    try {
      const headers = { 'x-api-key': tenant.apiKey };
      const answer = await request(`${url}/events`, { dispatcher: agent, headers, signal: stopping.signal });
      seen[answer.statusCode] = (seen[answer.statusCode] ?? 0) + 1;
      await answer.body.dump();
    } catch {
      // It ends with the abuse.
    }
  }

  /** The work that it began must not go on while the others are measured alone; its key may be at its limit. */
  async function endAll(): Promise<void> {
    const { text } = await owner('GET', `${broadcast}/campaigns?limit=100`);
    const campaigns: { id: string; status: string }[] = JSON.parse(text).data ?? [];
    for (const { id, status } of campaigns) {
      if (['running', 'paused', 'scheduled'].includes(status))
        await owner('POST', `${broadcast}/campaigns/${id}/stop`, {});
    }
    const hooks: { id: string }[] = JSON.parse((await owner('GET', '/webhook')).text).data ?? [];
    for (const { id } of hooks) await owner('DELETE', `/webhook/${id}`);
    await owner('DELETE', `${broadcast}/lists/${listId}`);
  }

  const running = [
    ...Object.entries(lines).flatMap(([name, work]) => [run(name, work), run(name, work)]),
    ...Array.from({ length: STREAMS }, stream),
  ];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
      await endAll();
      await slow.stop();
      return counts;
    },
  };
}

/** Safe because only what was asked for is looked at. Throws for a refusal. */
function read({ status, text }: { status: number; text: string }): { apiKey: string; data: { id: string } } {
  if (status >= 300) throw new Error(`${status} ${text}`);
  return JSON.parse(text);
}

function csvText(): string {
  const rows = Array.from({ length: CSV_LINES }, (_, i) => `Person ${i},62816${String(10_000_000 + i)}`);
  return `name,number\n${rows.join('\n')}\n`;
}

function form(name: string, filename: string, type: string, content: Buffer) {
  const boundary = 'wahub-bench-boundary';
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${name}"; filename="${filename}"\r\ncontent-type: ${type}\r\n\r\n`;
  return {
    body: Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

/** Takes every event and answers none. */
async function startSlowReceiver() {
  const server = createServer((_request, response) => {
    setTimeout(() => response.writeHead(503).end(), 30_000).unref();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
