/**
 * `npm run docs:engines` writes the table of capabilities into docs/engines.md, from the code: what each engine can do, by
 * which route it is reached, which event tells of it, and which test shows it against the emulator.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type EventName, WEBHOOK_EVENTS } from '../src/events/table.ts';
import { CAPABILITIES, type EngineName } from '../src/whatsapp/capabilities.ts';
import type { EngineCapabilities } from '../src/whatsapp/engine.ts';
import { CAPABILITY_ROWS, type CapabilityRow, LOCAL_ROUTES } from './capability-rows.ts';
import { NOT_ON_MYSQL, OWN_PARTS } from './test-parts.mjs';

const FILE = fileURLToPath(new URL('../docs/engines.md', import.meta.url));
const BEGIN = '<!-- capabilities: made by npm run docs:engines -->';
const END = '<!-- end of capabilities -->';
const ENGINES = Object.keys(CAPABILITIES) as EngineName[];

/** Routes with these tags reach WhatsApp, or are named in LOCAL_ROUTES. */
const WHATSAPP_TAGS = new Set(['Sessions', 'Messages', 'Groups', 'Chats', 'Contacts', 'Presence']);
/** Events of these kinds are about what the service does by itself. */
const LOCAL_EVENTS = /^(otp|campaign|usage)\./;

interface NamedRoute {
  method: string;
  path: string;
  tag: string;
}

/** What the rows lack or say too much; empty when they fit the code. `read` gives the text of a test file, null: none. */
export function gapsOf(
  routes: readonly NamedRoute[],
  read: (file: string) => string | null,
  rows: readonly CapabilityRow[] = CAPABILITY_ROWS,
): string[] {
  const nameOf = ({ method, path }: NamedRoute) => `${method.toUpperCase()} ${path}`;
  const known = new Set(routes.map(nameOf));
  const shown = new Set([...rows.flatMap(({ routes: own = [] }) => own), ...LOCAL_ROUTES]);
  const wanted = routes.filter(({ tag }) => WHATSAPP_TAGS.has(tag)).map(nameOf);
  const told = new Set<string>(rows.flatMap(({ events = [] }) => events));
  const events = WEBHOOK_EVENTS.filter((event) => !LOCAL_EVENTS.test(event));
  return [
    ...wanted.filter((name) => !shown.has(name)).map((name) => `no row has the route ${name}`),
    ...[...shown].filter((name) => !known.has(name)).map((name) => `there is no route ${name}`),
    ...events.filter((name) => !told.has(name)).map((name) => `no row has the event ${name}`),
    ...rows.flatMap((row) => testGaps(row, read)),
  ];
}

/**
 * Events that tell what the service has found out or done by itself, or that are of their moment and kept nowhere: all others
 * of WhatsApp's tell what has come in.
 */
const NOT_INBOUND: ReadonlySet<EventName> = new Set<EventName>([
  'session.status',
  'session.restricted',
  'session.unrestricted',
  'presence.updated',
]);

/**
 * The rows that tell of something that comes in, and that no case plays while the service is killed; and cases of rows that are
 * none. `played`: the names of rows that cases name.
 */
export function unplayed(
  played: ReadonlySet<string>,
  rows: readonly CapabilityRow[] = CAPABILITY_ROWS,
): string[] {
  const names = new Set(rows.map(({ name }) => name));
  const isPlayable = ({ can }: CapabilityRow) => ENGINES.some((engine) => can(CAPABILITIES[engine]));
  return [
    ...rows.filter(isPlayable).flatMap(({ name, events = [] }) => {
      const event = events.find((one) => !NOT_INBOUND.has(one));
      return event === undefined || played.has(name)
        ? []
        : [
            `"${name}" tells ${event}: add a case with rows: ['${name}'] to tests/helpers/inbound-cases.ts, which ` +
              'tests/e2e/inbound-kills.test.ts plays over kill -9 (docs/architecture.md, "Add something that comes in")',
          ];
    }),
    ...[...played]
      .filter((name) => !names.has(name))
      .map((name) => `tests/helpers/inbound-cases.ts has a case of "${name}", which is no row of the table`),
  ];
}

function testGaps({ name, can, test }: CapabilityRow, read: (file: string) => string | null): string[] {
  const able = ENGINES.filter((engine) => can(CAPABILITIES[engine]));
  if (able.length === 0) return [];
  if (!test) return [`"${name}" says yes without a test`];
  const [file, title] = test;
  const text = read(file);
  if (text === null) return [`"${name}": there is no ${file}`];
  const plays = /emulator/i.test(text);
  if (!plays || !text.includes(title)) {
    return [`"${name}": ${file} has no test against the emulator "${title}"`];
  }
  const shown = enginesOf(file, text);
  return able
    .filter((engine) => !shown.includes(engine))
    .map((engine) => `"${name}" says yes for ${engine}, and ${file} does not run on it`);
}

/** What a test file runs on that leaves the choice to tests/helpers/on-engine.ts: one engine on each database. */
const BY_DATABASE = /\bfrom '(?:\.\.\/)+helpers\/on-engine\.ts'/;
const ON_SQLITE: EngineName = 'baileys';

/** The engines that the tests of a file run on, between the databases: those that it names, or what it leaves the choice to. */
function enginesOf(file: string, text: string): readonly EngineName[] {
  if (BY_DATABASE.test(text)) return isOnBoth(file) ? ENGINES : [ON_SQLITE];
  const named = ENGINES.filter((engine) => text.includes(`'${engine}'`));
  return named.length > 0 ? named : [ON_SQLITE];
}

/** What `npm test` runs on SQLite alone; files of a part of their own run on each database. */
const ON_SQLITE_ALONE = NOT_ON_MYSQL.filter((pattern) => !OWN_PARTS.includes(pattern));

function isOnBoth(file: string): boolean {
  return (
    !file.endsWith('.sqlite.test.ts') &&
    !ON_SQLITE_ALONE.some((pattern) =>
      pattern.endsWith('/**') ? file.startsWith(pattern.slice(0, -2)) : file === pattern,
    )
  );
}

/** The table as Markdown. */
export function capabilityTable(rows: readonly CapabilityRow[] = CAPABILITY_ROWS): string {
  const code = (names: readonly string[] = []) => names.map((name) => `\`${name}\``).join(', ');
  const yes = (row: CapabilityRow, engine: EngineName) => {
    const own: EngineCapabilities = CAPABILITIES[engine];
    return row.can(own) ? 'yes' : 'no';
  };
  const cells = [
    ['capability', ...ENGINES, 'route', 'event'],
    ...rows.map((row) => [
      row.name,
      ...ENGINES.map((engine) => yes(row, engine)),
      code(row.routes),
      code(row.events),
    ]),
  ];
  const widths = cells[0]?.map((_name, i) => Math.max(3, ...cells.map((row) => (row[i] ?? '').length))) ?? [];
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** docs/engines.md with the table of now. Throws when its place is missing. */
export function withCapabilityTable(text: string): string {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/engines.md has no "${BEGIN}" … "${END}"`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${capabilityTable()}\n\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(FILE, withCapabilityTable(readFileSync(FILE, 'utf8')));
}
