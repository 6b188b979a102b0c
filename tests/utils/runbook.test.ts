/** Whatever the service gives as a reason, operations.md has a line for. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ALARM_KINDS } from '../../src/db/schema.ts';
import { EVENTS } from '../../src/events/table.ts';
import { breakerReason } from '../../src/queue/breaker.ts';
import { NEW_CONTACTS } from '../../src/queue/first-contacts.ts';
import type { LimitReason } from '../../src/queue/limits.ts';
import { HAND_PAUSE } from '../../src/queue/pause.ts';
import { SESSION_REASONS } from '../../src/services/campaigns/feed-end.ts';
import { RECIPIENT_NIGHT } from '../../src/services/campaigns/waiting.ts';
import { explainError } from '../../src/services/messages/failure-words.ts';
import { ERROR_STATUS } from '../../src/utils/errors.ts';
import type { CloseReason } from '../../src/whatsapp/engine.ts';
import { CHAT_REFUSED } from '../../src/whatsapp/refusals.ts';
import { decide } from '../../src/workers/session-supervisor/policy.ts';

const runbook = readFileSync('docs/operations.md', 'utf8');
/** What it does not explain. */
const missing = (words: Iterable<string>) => [...words].filter((word) => !runbook.includes(`\`${word}\``));

const foundBy = (pattern: RegExp, text: string) =>
  new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''));

/** The compiler keeps both lists whole. */
const CLOSE_REASONS: Record<CloseReason, true> = {
  closed_by_us: true,
  restart_required: true,
  connection_lost: true,
  timed_out: true,
  unavailable: true,
  stalled: true,
  pairing_expired: true,
  passkey_expired: true,
  passkey_refused: true,
  passkey_phone_away: true,
  passkey_code_differed: true,
  passkey_malformed: true,
  proxy_unreachable: true,
  proxy_unauthorized: true,
  proxy_refused: true,
  proxy_not_allowed: true,
  client_outdated: true,
  ownership_lost: true,
  untrusted_server: true,
  credentials_unreadable: true,
  logged_out: true,
  replaced: true,
  forbidden: true,
  bad_session: true,
};
const LIMIT_REASONS: Record<LimitReason, true> = { minute_limit: true, hour_limit: true, quiet_hours: true };

/** Safe because the keys of such a record are its type's. */
const keysOf = <K extends string>(record: Record<K, true>) => Object.keys(record) as K[];

test('every reason that a session can show', () => {
  const shown = new Set([
    'phone_mismatch',
    'duplicate_phone',
    'user_disabled',
    'importing',
    'import_interrupted',
    'replaced_after_import',
    'exported',
  ]);
  for (const reason of keysOf(CLOSE_REASONS)) {
    for (const paired of [true, false]) {
      for (const n of [0, 1, 100]) {
        const decision = decide(reason, { paired, failures: n, restarts: n, outdated: n });
        if ('reason' in decision) shown.add(decision.reason);
      }
    }
  }
  expect(shown.size).toBeGreaterThan(10);
  expect(missing(shown)).toEqual([]);
});

/** The keys of a table of words, at this indentation. */
const keysIn = (path: string, pattern: RegExp) => foundBy(pattern, readFileSync(path, 'utf8'));

test('every reason for which a message or a campaign waits, here or in broadcast.md', () => {
  const both = runbook + readFileSync('docs/broadcast.md', 'utf8');
  const words = 'src/services/messages/waiting-words.ts';
  const ofMessages = keysIn(words, /^ {2}(\w+): \{$/gm);
  const ofStates = keysIn(words, /^ {2}\['(\w+)', '\w+'\],$/gm);
  const ofCampaigns = keysIn('src/services/campaigns/waiting-words.ts', /^ {4}(\w+): \[/gm);
  for (const found of [ofMessages, ofStates, ofCampaigns]) expect(found.size).toBeGreaterThan(4);
  // Words that several states share, and the words of a code that stands behind them.
  const shared = new Set(['ended', 'unlinked', 'breaker']);
  const reasons = [...ofMessages, ...ofStates, ...ofCampaigns].filter((reason) => !shared.has(reason));
  expect(reasons.filter((reason) => !both.includes(`\`${reason}\``))).toEqual([]);
});

test('every reason for which a queue waits', () => {
  expect(missing([...keysOf(LIMIT_REASONS), HAND_PAUSE, NEW_CONTACTS, RECIPIENT_NIGHT])).toEqual([]);
  expect(missing([breakerReason(CHAT_REFUSED)])).toEqual([]);
});

/** Every file of the service's own under a folder, but those whose path is `leftOut`. */
function sourcesIn(folder: string, leftOut?: RegExp): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.ts') && leftOut?.test(name) !== true)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}

test('every reason for which a code ends', () => {
  const words = foundBy(/status: '(?:\w+)', reason: '(\w+)'/g, sourcesIn('src/services/otp'));
  expect(words.size).toBeGreaterThan(3);
  expect(missing(words)).toEqual([]);
});

test('every reason for which a campaign stands', () => {
  const words = foundBy(/\breason: '(\w+)'/g, sourcesIn('src/services/campaigns'));
  // These are of single recipients: broadcast.md explains them.
  const ofRecipients = ['opted_out', 'not_on_whatsapp', 'no_answer', 'duplicate', 'quiet'];
  const ofCampaigns = [...words].filter((word) => !ofRecipients.includes(word) && word !== 'daily_cap');
  expect(ofCampaigns).toEqual(expect.arrayContaining(['restored', 'list_deleted', 'cloned']));
  expect(missing([...ofCampaigns, ...SESSION_REASONS])).toEqual([]);
});

const CODE = /(?:errorCode(?: =|:)|\bcode:|again\(attempt,) '([A-Z]+_?[A-Z_]*)'/g;
const WRITES_CODES = [
  'src/queue',
  'src/workers',
  'src/whatsapp',
  ...['otp', 'sessions', 'campaigns'].map((name) => `src/services/${name}`),
];

test('every code of a message that is our own', () => {
  const codes = foundBy(CODE, WRITES_CODES.map((folder) => sourcesIn(folder)).join('\n'));
  expect(codes).toContain('NO_ACK');
  expect(missing(codes)).toEqual([]);
});

test('none of them is said to be a refusal of WhatsApp, in neither language', () => {
  // What WhatsApp refuses of groups and chats is no message.
  const sources = WRITES_CODES.map((folder) => sourcesIn(folder, /baileys\/requests\//));
  const codes = foundBy(CODE, sources.join('\n'));
  expect(codes).toContain('CAMPAIGN_STOPPED');
  for (const lang of ['en', 'id'] as const) {
    const refused = explainError(lang, '999');
    const unknown = explainError(lang, 'OF_A_NEWER_RELEASE');
    expect(unknown).not.toEqual(refused);
    for (const code of codes) {
      expect([refused, unknown], code).not.toContainEqual(explainError(lang, code));
    }
  }
});

test('every alarm, and every reason of the alarm of the service', () => {
  const troubles = keysIn('src/services/alarms/state.ts', /^ {6}\['(\w+)', /gm);
  expect(troubles).toContain('storage_down');
  expect(missing([...ALARM_KINDS, 'service_trouble', ...troubles])).toEqual([]);
});

/** What people set themselves, with the line that the sandbox prints. */
const GIVEN = ['URL', 'KEY', 'PHONE', 'HOME', 'PATH'];

test('a document sets the shell variables that its commands use', () => {
  for (const name of ['README.md', ...readdirSync('docs').map((file) => `docs/${file}`)]) {
    if (!name.endsWith('.md')) continue;
    const text = readFileSync(name, 'utf8');
    const commands = foundBy(/```(?:sh|bash)\n([\s\S]*?)```/g, text);
    const used = foundBy(/\$\{?([A-Z][A-Z0-9_]*)/g, [...commands].join('\n'));
    const unset = [...used].filter((word) => !GIVEN.includes(word) && !new RegExp(`\\b${word}=`).test(text));
    expect(unset, name).toEqual([]);
  }
});

const pages = (...names: string[]) => names.map((name) => readFileSync(`docs/${name}.md`, 'utf8')).join('\n');

test('every code of an answer, with its status, in the Indonesian documents', () => {
  const rows = pages('kode-error', 'kode-otp')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const missing = Object.entries(ERROR_STATUS).filter(
    ([code, status]) => !rows.some((row) => row.includes(`\`${code}\``) && row.includes(`| ${status} `)),
  );
  expect(missing).toEqual([]);
});

test('every event, in the row of the action by which analytics.md groups it', () => {
  const rows = pages('analytics').split('\n');
  for (const action of [
    'message_receive',
    'message_receipt',
    'message_attempt',
    'otp_status',
    'session_event',
  ]) {
    const row = rows.find((line) => line.startsWith(`| \`${action}\``));
    const events = Object.entries(EVENTS).filter(([, of]) => 'action' in of && of.action === action);
    expect(events.length).toBeGreaterThan(0);
    for (const [event] of events) expect(row, event).toContain(`\`${event}\``);
  }
});

test('no heading stands without a text', () => {
  for (const name of readdirSync('docs').filter((file) => file.endsWith('.md'))) {
    const text = pages(name.slice(0, -3)).replace(/^```[\s\S]*?^```/gm, 'x');
    const empty = [...text.matchAll(/^(#{2,6}) (.+)\n+(?=(#{1,6}) )/gm)].filter(
      ([, own = '', , next = '']) => next.length <= own.length,
    );
    expect(
      empty.map(([, , title]) => title),
      name,
    ).toEqual([]);
  }
});
