/** The browser extension: what it may do is what its README says, in both languages, and it stays small. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
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
