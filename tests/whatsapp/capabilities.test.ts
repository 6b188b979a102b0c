import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CAPABILITY_ROWS, type CapabilityRow } from '../../scripts/capability-rows.ts';
import { capabilityTable, gapsOf, unplayed, withCapabilityTable } from '../../scripts/capability-table.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { INBOUND_CASES } from '../helpers/inbound-cases.ts';

const root = new URL('../../', import.meta.url);
const read = (file: string) => {
  const url = new URL(file, root);
  return existsSync(url) ? readFileSync(url, 'utf8') : null;
};

it('the table stands in docs/engines.md as it is', () => {
  const text = read('docs/engines.md') ?? '';
  expect(withCapabilityTable(text)).toBe(text);
});

it('has every route and event, and a test against the emulator for each yes', () => {
  expect(gapsOf(allRoutes, read)).toEqual([]);
});

it('has a case that is played over kill -9 for each row that tells of what comes in', () => {
  const played = new Set(INBOUND_CASES.flatMap(({ rows }) => rows));
  expect(unplayed(played)).toEqual([]);
  const rows: CapabilityRow[] = [
    { name: 'a', can: () => true, events: ['message.received'] },
    { name: 'b', can: () => true, events: ['presence.updated'] },
    { name: 'c', can: () => false, events: ['message.received'] },
  ];
  expect(unplayed(new Set(['b', 'x']), rows)).toEqual([
    expect.stringMatching(/^"a" tells message.received: add a case with rows: \['a'\] to /),
    'tests/helpers/inbound-cases.ts has a case of "x", which is no row of the table',
  ]);
});

it('has a test on each engine that says yes', () => {
  const both = read('tests/e2e/kinds.test.ts') ?? '';
  const files: Record<string, string> = {
    'tests/both.test.ts': both,
    'tests/both.sqlite.test.ts': both,
    'tests/utils/both.test.ts': both,
    'tests/each.test.ts': "the emulator: ['baileys', 'wa-multi-session'] x",
    'tests/other.test.ts': "the emulator: 'wa-multi-session' x",
    'tests/one.test.ts': 'the emulator: x',
  };
  const row = (file: string, title = 'x') => ({ name: file, can: () => true, test: [file, title] as const });
  const gaps = gapsOf(allRoutes, (file) => files[file] ?? read(file), [
    ...CAPABILITY_ROWS,
    ...Object.keys(files).map((file) => row(file, file.includes('both') ? 'an album' : 'x')),
  ]);
  const none = (file: string, engine: string) =>
    `"${file}" says yes for ${engine}, and ${file} does not run on it`;
  expect(gaps).toEqual([
    none('tests/both.sqlite.test.ts', 'wa-multi-session'),
    none('tests/utils/both.test.ts', 'wa-multi-session'),
    none('tests/other.test.ts', 'baileys'),
    none('tests/one.test.ts', 'wa-multi-session'),
  ]);
});

it('says what is missing', () => {
  const other = { method: 'post', path: '/session/:sessionId/other', tag: 'Sessions' };
  expect(gapsOf([...allRoutes, other], read)).toEqual([
    'no row has the route POST /session/:sessionId/other',
  ]);
  const gone = allRoutes.filter(({ path }) => path !== '/message/check-number');
  expect(gapsOf(gone, read)).toEqual(['there is no route POST /message/check-number']);
  const untold = CAPABILITY_ROWS.filter(({ events }) => !events?.includes('message.received'));
  expect(gapsOf(allRoutes, read, untold)).toEqual(['no row has the event message.received']);
  const can = () => true;
  const rows = [
    ...CAPABILITY_ROWS,
    { name: 'a', can },
    { name: 'b', can, test: ['tests/none.test.ts', 'x'] as const },
    { name: 'c', can, test: ['tests/e2e/kinds.test.ts', 'no such title'] as const },
    { name: 'd', can: () => false },
  ];
  expect(gapsOf(allRoutes, read, rows)).toEqual([
    '"a" says yes without a test',
    '"b": there is no tests/none.test.ts',
    '"c": tests/e2e/kinds.test.ts has no test against the emulator "no such title"',
  ]);
  expect(capabilityTable(rows)).toMatch(/^\| d +\| no +\| no /m);
});
