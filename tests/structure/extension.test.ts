/** The browser extension: what it may do is what its README says, in both languages, and it stays small. */
import { readdirSync, readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { packPasskeyExtension } from '../../src/services/passkey-extension.ts';
import { filesOfZip } from '../helpers/archives.ts';

const read = (file: string) => readFileSync(`extension/${file}`, 'utf8');
const manifest = JSON.parse(read('manifest.json'));
const scripts = readdirSync('extension').filter((file) => file.endsWith('.js'));
const source = scripts.map(read).join('\n');
const messages = (lang: string): Record<string, { message: string; placeholders?: object }> =>
  JSON.parse(read(`_locales/${lang}/messages.json`));

it('asks for web.whatsapp.com at installation, and explains each permission', () => {
  expect(manifest.manifest_version).toBe(3);
  expect(manifest.host_permissions).toBeUndefined();
  expect(manifest.content_scripts).toEqual([{ matches: ['https://web.whatsapp.com/*'], js: ['sign.js'] }]);
  expect(manifest.externally_connectable ?? manifest.web_accessible_resources).toBeUndefined();
  const readme = read('README.md');
  const table = readme.slice(readme.indexOf('## What it may do'), readme.indexOf('## What protects you'));
  const explained = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
  const asked = [
    ...manifest.permissions,
    ...manifest.content_scripts[0].matches,
    'optional_host_permissions',
  ];
  expect(explained.sort()).toEqual(asked.sort());
  for (const pattern of manifest.optional_host_permissions) {
    expect(pattern).toMatch(/^(https:|http:\/\/(localhost|127\.0\.0\.1)\/)/);
  }
});

it('has every sentence in both languages, and none that nobody shows', () => {
  const [en, id] = [messages('en'), messages('id')];
  expect(Object.keys(id).sort()).toEqual(Object.keys(en).sort());
  const shown = source + read('manifest.json') + read('allow.html');
  for (const [name, { message, placeholders }] of Object.entries(en)) {
    expect(shown, name).toMatch(new RegExp(`'${name}'|"${name}"|__MSG_${name}__`));
    expect(id[name]?.placeholders, name).toEqual(placeholders);
    expect(id[name]?.message === message, name).toBe(name === 'name');
  }
  for (const [, name = ''] of source.matchAll(/\btext\('(\w+)'/g)) expect(Object.keys(en)).toContain(name);
  for (const [, name = '', words] of read('allow.html').matchAll(/data-text="(\w+)">([^<]*)</g)) {
    expect(en[name]?.message).toBe(words?.replaceAll(/\s+/g, ' ').trim());
  }
});

it('is read in minutes, and can send nothing anywhere', () => {
  expect(source.split('\n').length).toBeLessThan(350);
  expect(source).not.toMatch(/\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|eval|innerHTML|importScripts)\b/);
});

it('is downloaded whole', async () => {
  const files = await filesOfZip(await packPasskeyExtension());
  expect(files.get('wahub-passkey/manifest.json')?.toString()).toBe(read('manifest.json'));
  const names = readdirSync('extension', { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.\w+$/.test(name),
  );
  expect([...files.keys()].sort()).toEqual(names.map((name) => `wahub-passkey/${name}`).sort());
});

describe('its middle', () => {
  const ORIGIN = 'https://wahub.test';

  /** background.js in a browser that has one allowed page, in tabs of window 7. */
  function startMiddle() {
    const kept = new Map<string, unknown>();
    const listeners: ((message: object, sender: object, respond: (answer: unknown) => void) => unknown)[] =
      [];
    const made: Record<string, unknown>[] = [];
    const removed: number[] = [];
    const told: { tab: number; ticket: string; error?: string }[] = [];
    const event = { addListener: () => undefined };
    const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
    const api = {
      runtime: {
        id: 'us',
        onInstalled: event,
        onMessage: { addListener: (listener: (typeof listeners)[number]) => listeners.push(listener) },
      },
      permissions: { onAdded: event, onRemoved: event, contains: async () => true },
      action: { onClicked: event },
      storage: {
        onChanged: event,
        local: { get: async () => ({ allowed: [ORIGIN] }) },
        session: {
          get: async (key: string | null) =>
            Object.fromEntries([...kept].filter(([name]) => key === null || name === key)),
          set: async (values: object) => {
            await turn();
            for (const [name, value] of Object.entries(values)) kept.set(name, value);
          },
          remove: async (key: string) => kept.delete(key),
        },
      },
      tabs: {
        onRemoved: event,
        create: async (options: Record<string, unknown>) => {
          await turn();
          made.push(options);
          return { id: 100 + made.length };
        },
        sendMessage: async (tab: number, message: { ticket: string; error?: string }) =>
          void told.push({ tab, ...message }),
        update: async () => undefined,
        remove: async (id: number) => void removed.push(id),
      },
    };
    runInNewContext(read('background.js'), { chrome: api, URL, console });
    const say = (message: object, tab: { id: number; url: string }) =>
      new Promise<unknown>((resolve) => {
        const sender = {
          id: 'us',
          origin: new URL(tab.url).origin,
          frameId: 0,
          tab: { ...tab, windowId: 7, index: 3 },
        };
        for (const listener of listeners) listener(message, sender, resolve);
      });
    const begin = (tab: number, ticket: string) =>
      say(
        { what: 'begin', ticket, options: { ...OPTIONS, challenge: ticket } },
        { id: tab, url: `${ORIGIN}/link` },
      );
    const take = async (tab: number) =>
      Object(await say({ what: 'take' }, { id: tab, url: 'https://web.whatsapp.com/' }));
    return { begin, take, made, removed, told };
  }
  const OPTIONS = { rpId: 'whatsapp.com', timeout: 1, extensions: { prf: { eval: { first: 'AA' } } } };

  it('opens WhatsApp beside the page that asks, in its window, and asks no extension for anything', async () => {
    const middle = startMiddle();
    expect(await middle.begin(1, 'one')).toEqual({});
    expect(middle.made).toEqual([{ url: 'https://web.whatsapp.com/', windowId: 7, index: 4 }]);
    const { origin, options } = await middle.take(101);
    expect({ origin, ...options }).toMatchObject({ origin: ORIGIN, challenge: 'one', rpId: 'whatsapp.com' });
    expect(Object.keys(options)).not.toContain('extensions');
  });

  it('keeps the requests of two tabs apart that ask at the same time', async () => {
    const middle = startMiddle();
    const begun = [middle.begin(1, 'one'), middle.begin(2, 'two')];
    // The second tab of WhatsApp asks before the note of it is written.
    const taken = await Promise.all([middle.take(101), middle.take(102)]);
    await Promise.all(begun);
    expect(taken.map(({ options }) => options?.challenge)).toEqual(['one', 'two']);
    expect(middle.told).toEqual([]);
  });

  it('has one request of a tab: the one before ends, and its tab goes', async () => {
    const middle = startMiddle();
    await Promise.all([middle.begin(1, 'one'), middle.begin(1, 'two')]);
    expect(middle.removed).toEqual([101]);
    expect(middle.told).toEqual([{ tab: 1, ticket: 'one', error: 'declined' }]);
    expect((await middle.take(101)).options).toBeUndefined();
    expect((await middle.take(102)).options).toMatchObject({ challenge: 'two' });
  });
});
