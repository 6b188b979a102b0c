/** The product tried with a mouse: from signing in to a message that was delivered, and a code that turns to connected. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BrowserWorld, openBrowserWorld } from './world.ts';

const SCRIPT = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
const PERSON = '+6281234567890';

let world: BrowserWorld;
beforeAll(async () => {
  world = await openBrowserWorld();
}, 120_000);
afterAll(() => world.close());

it('a person signs in, links a phone, writes, sees it delivered and answers, all with the mouse', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page();
  await page.goto('/dashboard/sign-in');
  await page.getByLabel('Email').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();

  await page.getByRole('link', { name: 'Sessions', exact: true }).click();
  await page.getByRole('link', { name: 'Add session' }).click();
  await page.getByLabel('Name', { exact: true }).fill('shop');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByAltText('QR code').waitFor();
  await page.getByRole('button', { name: 'Scan with this phone' }).click();
  await page.getByText('✓ Connected').waitFor();

  await page.getByRole('link', { name: 'Send your first message' }).click();
  await page.getByLabel('To', { exact: true }).fill('0812 3456 7890');
  await page.locator('#f-text').fill(SCRIPT);
  const preview = page.locator('#preview');
  await preview.getByText(SCRIPT).waitFor();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('#sent').getByText('Read', { exact: true }).waitFor();
  expect(await page.locator('#f-text').inputValue()).toBe('');

  await page.getByRole('link', { name: 'Phones', exact: true }).click();
  await page.getByRole('link', { name: PERSON }).click();
  await page.locator('#phone-chat').getByText(SCRIPT).waitFor();
  await page.getByLabel('Reply as this person').fill('Thank you');
  await page.getByRole('button', { name: 'Send', exact: true }).click();

  await page.getByRole('link', { name: 'Messages', exact: true }).click();
  await page.getByRole('link', { name: 'Conversations' }).click();
  await page.getByRole('link', { name: PERSON }).click();
  await page.locator('#bubbles').getByText('Thank you').waitFor();
  await page.getByLabel('Reply').fill('You are welcome');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('#bubbles').getByText('You are welcome').waitFor();
  expect(await page.getByLabel('Reply').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Mark 1 as read' }).click();
  await page.getByText('The sender can see that the message was read.').waitFor();
  expect(await page.title()).not.toMatch(/^\d$/);
  expect(await world.axe(page)).toEqual([]);
  expect(problems).toEqual([]);
});

it('the code is counted down and turns to connected by itself, and the name of the phone stays text', async () => {
  const person = await world.tenant();
  const { page, problems } = await world.page({ as: person, width: 380 });
  await world.api(person, 'POST', '/session/create', { sessionId: 'shop' });
  await page.goto('/dashboard/sessions/shop/link');
  await page.getByAltText('QR code').waitFor();
  const left = page.locator('[data-until]');
  const before = Number(await left.textContent());
  expect(before).toBeGreaterThan(0);
  await expect.poll(async () => Number(await left.textContent())).toBeLessThan(before);
  expect(await world.axe(page)).toEqual([]);

  const { body } = await world.api(person, 'GET', '/session/qr/shop');
  await world.emulator.scan({ qr: body.qr, phone: '628111111115', name: SCRIPT });
  await page.getByText('✓ Connected').waitFor();
  await page.getByRole('link', { name: 'Open session' }).click();
  await page.getByText(SCRIPT).waitFor();
  expect(await page.title()).toBe('shop · WaHub');

  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused by a user').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('The queue is empty.').waitFor();
  expect(await world.axe(page)).toEqual([]);
  expect(problems).toEqual([]);
});

it('a moment is typed in the reader’s time and sent in UTC, and a picture shows before it is sent', async () => {
  const person = await world.tenant();
  await world.link(person, 'shop', '628111111116');
  const { page, problems } = await world.page({ as: person });
  await page.goto('/dashboard/messages/new');
  await page.getByLabel('To', { exact: true }).fill(PERSON);
  await page.locator('.chip', { hasText: 'Image' }).click();
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const buffer = Buffer.from(png, 'base64');
  await page
    .getByLabel('File', { exact: true })
    .setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer });
  await page.getByLabel('Caption').fill(SCRIPT);
  await page.locator('#preview').getByText(SCRIPT).waitFor();
  await page.locator('#preview img[src^="blob:"]').waitFor();

  await page.getByText('Schedule and priority').click();
  const soon = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel('Send at').fill(`${soon}T07:00`);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('#sent').getByText('Waiting', { exact: true }).waitFor();
  const { body } = await world.api(person, 'GET', '/message/list');
  // Jakarta is seven hours ahead.
  expect(body.data[0]).toMatchObject({ type: 'image', scheduledAt: `${soon}T00:00:00.000Z` });
  expect(await page.title()).not.toMatch(/^\d$/);
  expect(problems).toEqual([]);
});

it.each([
  ['en', 1280, 'Send'],
  ['id', 390, 'Kirim'],
] as const)(
  'an error stays at its field until the next try, in %s at %i pixels',
  async (lang, width, send) => {
    const person = await world.tenant();
    await world.link(person, 'shop', width === 390 ? '628111111117' : '628111111118');
    const { page, problems } = await world.page({ as: person, lang, width });
    await page.goto('/dashboard/messages/new');
    const to = page.locator('#f-to');
    await to.fill('0812 3456 7890 ext');
    await page.locator('#f-text').fill('hello');
    await page.getByRole('button', { name: send, exact: true }).click();
    const error = page.locator('.field', { has: to }).locator('.error');
    await error.waitFor();
    expect(await page.locator('#alert').textContent()).toContain(await error.textContent());
    const described = (await to.getAttribute('aria-describedby')) ?? '';
    expect(described.split(' ')).toEqual(['f-to-hint', await error.getAttribute('id')]);
    expect(await to.getAttribute('aria-invalid')).toBe('true');
    // The preview asks again at each word; what it is answered is no answer to the try.
    await page.locator('#f-text').fill('hello again');
    await page.locator('#preview').getByText('hello again').waitFor();
    expect(await error.isVisible()).toBe(true);
    expect(await world.axe(page)).toEqual([]);
    await to.fill(PERSON);
    await page.locator('#f-to-hint').getByText('Indonesia').waitFor();
    await page.getByRole('button', { name: send, exact: true }).click();
    await page.locator('#sent').waitFor();
    expect(await error.count()).toBe(0);
    expect(await to.getAttribute('aria-describedby')).toBe('f-to-hint');
    expect(problems).toEqual([]);
  },
);
