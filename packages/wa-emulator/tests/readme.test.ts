import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HELP } from '../src/cli.ts';
import { createControlApp } from '../src/control.ts';
import { FaultBody } from '../src/control-schemas.ts';
import { type Emulator, startEmulator } from '../src/index.ts';
import { PASSKEY_FAULTS } from '../src/passkey.ts';
import { BEHAVIOUR_FORMS } from '../src/rules.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it('names every call of the control API, and every method of the library', async () => {
    const emulator = await startEmulator();
    const paths = createControlApp(emulator, '127.0.0.1').routes.flatMap(({ method, path }) =>
      method === 'ALL' ? [] : [path],
    );
    const methods = Object.keys(emulator).filter(
      (name) => typeof emulator[name as keyof Emulator] === 'function',
    );
    await emulator.stop();
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !new RegExp(`\\| \`${path}[\`?]`).test(readme))).toEqual([]);
    const named = methods.filter((name) => !['received', 'stop'].includes(name));
    expect(named.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  it('names every fault, behaviour and option', () => {
    const faults = FaultBody.options.map(({ shape }) => shape.kind.value);
    const behaviours = (BEHAVIOUR_FORMS.split(';')[0] ?? '').split(', ');
    const words = [...faults, ...behaviours, ...PASSKEY_FAULTS];
    expect(words.filter((word) => !readme.includes(`\`${word}\``))).toEqual([]);
    const options = [...HELP.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name ?? '');
    expect(options).toHaveLength(12);
    expect(options.filter((name) => !readme.includes(`\`${name}`))).toEqual([]);
  });
});
