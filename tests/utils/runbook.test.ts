/** Whatever the service gives as a reason, operations.md has a line for. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { breakerReason } from '../../src/queue/breaker.ts';
import { NEW_CONTACTS } from '../../src/queue/first-contacts.ts';
import type { LimitReason } from '../../src/queue/limits.ts';
import { HAND_PAUSE } from '../../src/queue/pause.ts';
import { SESSION_REASONS } from '../../src/services/campaigns/feed-end.ts';
import { RECIPIENT_NIGHT } from '../../src/services/campaigns/waiting.ts';
import type { CloseReason } from '../../src/whatsapp/engine.ts';
import { CHAT_REFUSED } from '../../src/whatsapp/refusals.ts';
import { decide } from '../../src/workers/session-supervisor/policy.ts';

const runbook = readFileSync('docs/operations.md', 'utf8');
/** What it does not explain. */
const missing = (words: Iterable<string>) => [...words].filter((word) => !runbook.includes(`\`${word}\``));

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

test('every reason for which a queue waits', () => {
  expect(missing([...keysOf(LIMIT_REASONS), HAND_PAUSE, NEW_CONTACTS, RECIPIENT_NIGHT])).toEqual([]);
  expect(missing([breakerReason(CHAT_REFUSED)])).toEqual([]);
});

/** Every file of the service's own under a folder. */
function sourcesIn(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}

const foundBy = (pattern: RegExp, text: string) =>
  new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''));

test('every reason for which a code ends', () => {
  const words = foundBy(/status: '(?:\w+)', reason: '(\w+)'/g, sourcesIn('src/services/otp'));
  expect(words.size).toBeGreaterThan(3);
  expect(missing(words)).toEqual([]);
});

test('every reason for which a campaign stands', () => {
  const control = ['control', 'feed-end', 'freeze', 'safety']
    .map((name) => readFileSync(`src/services/campaigns/${name}.ts`, 'utf8'))
    .join('\n');
  const words = foundBy(/\breason: '(\w+)'/g, control.replaceAll("reason: 'invalid'", ''));
  expect(words.size).toBeGreaterThan(4);
  expect(missing([...words, ...SESSION_REASONS])).toEqual([]);
});

test('every code of a message that is our own', () => {
  const queue = ['src/queue', 'src/workers', 'src/whatsapp', 'src/services/otp', 'src/services/sessions'].map(
    sourcesIn,
  );
  const codes = foundBy(
    /(?:errorCode(?: =|:)|\bcode:|again\(attempt,) '([A-Z]+_?[A-Z_]*)'/g,
    queue.join('\n'),
  );
  expect(codes).toContain('NO_ACK');
  expect(missing(codes)).toEqual([]);
});
