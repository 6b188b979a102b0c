import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CAPABILITIES } from '../../src/whatsapp/capabilities.ts';

/** The table of docs/engines.md: what is said of each engine, by the name of the row. */
function documented(): Record<'baileys' | 'wa-multi-session', string[]> {
  const text = readFileSync(new URL('../../docs/engines.md', import.meta.url), 'utf8');
  const table = /\| +\| baileys +\| wa-multi-session +\|\n\|[-| ]+\|\n((?:\|.*\n)+)/.exec(text)?.[1] ?? '';
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const can = (column: number) => rows.filter((row) => row[column] === 'yes').map((row) => row[1] ?? '');
  return { baileys: can(2), 'wa-multi-session': can(3) };
}

it.each(['baileys', 'wa-multi-session'] as const)(
  'the documented capabilities of %s are those it has',
  (name) => {
    const { contentTypes, pairingCode, passkey, groups, markRead, standing } = CAPABILITIES[name];
    const expected = [
      ...contentTypes,
      ...(pairingCode ? ['pairing code'] : []),
      ...(passkey ? ['passkey'] : []),
      ...(groups ? ['groups'] : []),
      ...(markRead ? ['mark read'] : []),
      ...(standing ? ['standing'] : []),
    ];
    expect(documented()[name]).toEqual(expected);
  },
);
