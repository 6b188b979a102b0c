import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const run = (...args: string[]) =>
  execFileSync(process.execPath, ['scripts/licenses.mjs', ...args]).toString();

test('the icons are those of the package, and its terms stand in NOTICE', () => {
  execFileSync(process.execPath, ['scripts/icons.mjs', '--check']);
  expect(readFileSync('NOTICE', 'utf8')).toContain('Lucide Icons and Contributors');
});

test('every package of production is listed with its licence, and all kinds are known', () => {
  const lines = run().trim().split('\n');
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  // Our own packages are not listed: they are under this repository's licence.
  const own: string[] = JSON.parse(readFileSync('package.json', 'utf8')).workspaces.map((folder: string) =>
    folder.slice(folder.lastIndexOf('/') + 1),
  );
  for (const name of Object.keys(dependencies).filter((dependency) => !own.includes(dependency))) {
    expect(lines.filter((line) => line.startsWith(`${name}@`)).length, name).toBeGreaterThan(0);
  }
  expect(lines.filter((line) => /unknown/i.test(line))).toEqual([]);
  expect(lines.find((line) => line.startsWith('libsignal@'))).toContain('GPL-3.0');
  expect(run('--check')).toBe('');
});
