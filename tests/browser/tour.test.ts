/**
 * A shop's first day, as its dashboard shows it. `SCREENSHOTS=docs/images npx vitest run tests/browser/tour.test.ts`
 * (with CHROMIUM_PATH) makes the pictures of the documents.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../helpers/until.ts';
import { type BrowserWorld, openBrowserWorld, type Person, type Visit } from './world.ts';

const CUSTOMERS = ['6281234567801', '6281234567802', '6281234567803', '6281234567804', '6281234567805'];

let world: BrowserWorld;
let shop: Person;
let visit: Visit;
let campaignId = '';
beforeAll(async () => {
  world = await openBrowserWorld({ OTP_RETURN_CODE: 'true' });
  shop = world.admin;
  await world.link(shop, 'shop', '628111111111');
  await world.link(shop, 'support', '628122222222');
  await api('POST', '/session/create', { sessionId: 'warehouse' });
  await sendMessages();
  await checkCode();
  await world.emulator.deliver({
    to: '628111111111',
    from: CUSTOMERS[0] ?? '',
    text: 'Is my order on its way?',
  });
  await runCampaign();
  visit = await world.page({ as: 'admin' });
}, 180_000);
afterAll(() => world.close());

async function api(method: string, path: string, body?: unknown) {
  const reply = await world.api(shop, method, path, body);
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
  return reply.body;
}

async function sendMessages(): Promise<void> {
  world.emulator.setRule({ number: '6281299999999', behaviour: 'ack_error:463' });
  const ids: string[] = [];
  for (const [i, to] of [...CUSTOMERS, ...CUSTOMERS, '6281299999999'].entries()) {
    const session = i % 3 === 0 ? 'support' : 'shop';
    const text = `Hello! Your order ${1_040 + i} is packed and leaves our shop today.`;
    const { data } = await api('POST', '/message/send-text', { session, to, text });
    ids.push(data.messageId);
  }
  await until(async () => {
    const { data } = await api('GET', '/message/list?limit=50');
    return data.every(({ status }: { status: string }) => !['queued', 'sending'].includes(status));
  }, 60_000);
}

async function checkCode(): Promise<void> {
  const { data } = await api('POST', '/otp/send', {
    session: 'shop',
    to: CUSTOMERS[1],
    companyName: 'Toko Maju',
  });
  await api('POST', '/otp/verify', { otpId: data.otpId, otp: data.otp });
}

async function runCampaign(): Promise<void> {
  const path = '/session/shop/broadcast';
  const list = await api('POST', `${path}/lists`, { name: 'Regular customers' });
  const contacts = CUSTOMERS.map((number, i) => ({ name: `Customer ${i + 1}`, number, city: 'Bandung' }));
  await api('POST', `${path}/lists/${list.data.id}/contacts`, { contacts });
  const { data } = await api('POST', `${path}/send`, {
    listId: list.data.id,
    message: 'Hello {name}, new coffee from {city} is in!',
    campaignName: 'New coffee',
    delayBetweenMessages: 1000,
  });
  campaignId = data.id;
}

/** Opens a page, waits for what it must show, and takes its picture. */
async function show(name: string, path: string, texts: readonly string[]): Promise<void> {
  await visit.page.goto(path);
  for (const text of texts) await visit.page.getByText(text).first().waitFor();
  expect(await world.axe(visit.page), path).toEqual([]);
  await world.shot(visit.page, name);
}

it('shows how everything is', () =>
  show('overview', '/dashboard', ['2 connected', 'Delivered', 'Message failed']));

it('shows the sessions, and one of them', async () => {
  await show('sessions', '/dashboard/sessions', ['shop', 'support', 'warehouse']);
  await show('session', '/dashboard/sessions/shop', ['628111111111']);
});

it('shows the messages, a composer, a conversation and the phones', async () => {
  await show('messages', '/dashboard/messages', ['Your order 1050']);
  await show('compose', '/dashboard/messages/new', ['Preview']);
  await show('chats', '/dashboard/messages/chats', [CUSTOMERS[0] ?? '']);
  await show('phones', '/dashboard/phone', ['shop']);
});

it('shows the campaigns, and one of them', async () => {
  await show('broadcast', '/dashboard/broadcast', ['New coffee']);
  await show('campaign', `/dashboard/broadcast/campaigns/${campaignId}`, ['New coffee']);
  await show('list', '/dashboard/broadcast/lists', ['Regular customers']);
});

it('shows the keys and the examples', async () => {
  await show('developers', '/dashboard/developers', ['Your API key']);
  await show('examples', '/dashboard/developers/examples?session=shop', ['"session":"shop"']);
});

it('has met no error of a script and nothing that its policy blocks', () => {
  expect(visit.problems).toEqual([]);
});
