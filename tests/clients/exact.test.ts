/** The client's types refuse a name that the API does not know. `tsc` fails where an expected error is not there. */
import { expect, test } from 'vitest';
import { createClient } from '../../clients/typescript/src/index.ts';

const text = { session: 'main', to: '628123456789', text: 'Halo' };

test('a misspelt name does not compile, at any depth, as a literal or as a value', async () => {
  const asked: string[] = [];
  const fetch = async (request: Request) => {
    asked.push(`${request.method} ${new URL(request.url).pathname}`);
    return Response.json({ success: true });
  };
  const client = createClient({ apiKey: 'k', fetch, retry: false });

  await client.POST('/message/send-text', { body: { ...text, scheduledAt: '2026-01-31T08:00:00Z' } });
  // @ts-expect-error scheduledAt
  await client.POST('/message/send-text', { body: { ...text, shceduledAt: '2026-01-31T08:00:00Z' } });
  const late = { ...text, shceduledAt: '2026-01-31T08:00:00Z' };
  // @ts-expect-error a value is held to the names as well
  await client.POST('/message/send-text', { body: late });

  const rows = [{ id: 'a', text: 'Ya' }];
  await client.POST('/message/send-buttons', { body: { ...text, buttons: rows } });
  const misspelt = [{ id: 'a', text: 'Ya', tittle: 'x' }];
  // @ts-expect-error in a row
  await client.POST('/message/send-buttons', { body: { ...text, buttons: misspelt } });

  await client.GET('/message/list', { params: { query: { session: 'main' } } });
  // @ts-expect-error in a query
  await client.GET('/message/list', { params: { query: { sesion: 'main' } } });
  // @ts-expect-error in a path
  await client.GET('/session/qr/{sessionId}', { params: { path: { sesionId: 'main' } } });
  // @ts-expect-error what is required stays required
  await client.POST('/message/send-text', { body: { session: 'main' } });
  // @ts-expect-error an address that does not exist
  await client.POST('/message/sendText', { body: text });

  // Names of the caller's own are free.
  const contact = { number: '628123456789', name: 'Budi', anyColumn: 'x' };
  const path = { sessionId: 'main', listId: '1' };
  const contacts = '/session/{sessionId}/broadcast/lists/{listId}/contacts' as const;
  await client.POST(contacts, { body: contact, params: { path } });
  await client.GET('/session/list');
  expect(asked).toHaveLength(12);
});
