/** The words of every page: plain, without names of programs, and in one language. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { IMPORT_TEXTS } from '../../src/controllers/dashboard/broadcast/import-texts.ts';
import { deliveryWords } from '../../src/controllers/dashboard/developers/delivery-words.ts';
import { KIND_PAGES } from '../../src/controllers/dashboard/messages/kinds/index.ts';
import { KIND_NAMES, kindName } from '../../src/controllers/dashboard/messages/words.ts';
import { reasonInIndonesian, sentenceInIndonesian } from '../../src/controllers/dashboard/reasons.ts';
import { ALARM_KINDS } from '../../src/db/schema.ts';
import { serviceAlarm } from '../../src/services/alarms/alarms.ts';
import { alarmText } from '../../src/services/alarms/words.ts';
import { explainError } from '../../src/services/messages/failure-words.ts';
import { holdWords } from '../../src/services/messages/waiting-words.ts';
import { ERROR_HELP } from '../../src/utils/error-help.ts';
import { ERROR_STATUS, type ErrorCode } from '../../src/utils/errors.ts';
import { unusedWords } from './unused-words.ts';
import { englishIn, goneIn, rawIn, shownIn } from './wording.ts';

const SOURCE = new URL('../../src/', import.meta.url);
/** Where the sentences are written that say why something was not delivered. */
const WRITE_FAILURES = [
  'services/webhooks/endpoint.ts',
  'utils/guarded-fetch.ts',
  'utils/guarded-http/bounded-body.ts',
  'utils/guarded-http/connector.ts',
  'utils/guarded-http/failures.ts',
  'workers/webhook-sender/lane-runner.ts',
  'workers/webhook-sender/lanes.ts',
];

/** Every such sentence, with a number where one is filled in. */
function deliveryFailures(): string[] {
  const text = WRITE_FAILURES.map((name) => readFileSync(new URL(name, SOURCE), 'utf8')).join('\n');
  const refused = [...text.matchAll(/urlRefused\('([^']+)'\)/g)].map(
    ([, why]) => `This URL is refused: ${why}.`,
  );
  const whole = [...text.matchAll(/['`]((?:The|This) [^'`]+\.)['`]/g)].map(([, sentence = '']) => sentence);
  return [...refused, ...whole.filter((said) => !/^(?:This URL|The file) /.test(said))].map((said) =>
    said.replace(/\$\{[^}]+\}/g, '503'),
  );
}

/** Safe because the keys of such a record are its type's. */
const keysOf = <K extends string>(record: Readonly<Record<K, unknown>>) => Object.keys(record) as K[];

const LOCALES = new URL('../../src/controllers/dashboard/locales/', import.meta.url);
const SERVICES = new URL('../../src/services/', import.meta.url);
const ERRORS = [
  '463',
  '479',
  '429',
  'NO_ACK',
  'NOT_SENT',
  'NOT_ON_WHATSAPP',
  'RECIPIENT_KEYS',
  'GROUP_GONE',
  'CHANNEL_GONE',
].concat([
  'CONTENT_INVALID',
  'MEDIA_GONE',
  'CONTENT_GONE',
  'CONTENT_UNREADABLE',
  'EXPIRED',
  'SESSION_DELETED',
  'CAMPAIGN_STOPPED',
  'NO_MESSAGE',
  '999',
  'ELSE',
]);
const HOLDS = [
  'scheduled',
  'paused',
  'quiet_hours',
  'recipient_night',
  'minute_limit',
  'hour_limit',
  'recipient_limit',
  'breaker_463',
  'new_contacts',
].concat(['retry', 'put_back', 'storage_away', 'connecting', 'disconnected', 'logged_out', 'qr', 'passkey']);

/** Every text below a value, with where it is; texts of functions are made with numbers. */
function textsOf(value: unknown, path: string): [path: string, text: string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') return [[path, String(value(1_234, 1_234, 1_234))]];
  if (typeof value !== 'object' || value === null || value instanceof RegExp) return [];
  return Object.entries(value).flatMap(([key, below]) => textsOf(below, `${path}.${key}`));
}

async function textsIn(lang: 'en' | 'id'): Promise<[path: string, text: string][]> {
  const folder = new URL(`${lang}/`, LOCALES);
  const files = readdirSync(folder);
  const all = await Promise.all(
    files.map(async (file) => textsOf(await import(new URL(file, folder).href), file)),
  );
  const { readings: _made, ...imports } = IMPORT_TEXTS(lang);
  return [
    ...all.flat(),
    ...textsOf(imports, 'imports'),
    ...KIND_NAMES.map((kind): [string, string] => [kind, kindName(lang, kind)]),
    ...ERRORS.flatMap((code) => textsOf(explainError(lang, code), code)),
    ...HOLDS.flatMap((reason) => textsOf(holdWords(lang, reason), reason)),
    ...alarmTexts(lang),
    ...Object.values(KIND_PAGES).flatMap(({ type, fields }) => fieldTexts(lang, type, fields)),
  ];
}

const TROUBLES = ['database_read_only', 'storage_down', 'clock_skewed', 'credentials_unreadable'];

/** Every alarm, and every trouble of the service. */
function alarmTexts(lang: 'en' | 'id'): [string, string][] {
  const reader = { lang, zone: 'Asia/Jakarta', now: 1_800_000_000_000 };
  const facts = {
    sessionId: 'toko',
    host: 'toko.example',
    since: reader.now,
    until: reader.now,
    count: 2,
    of: 40,
  };
  const alarms = [
    ...ALARM_KINDS.map((kind) => ({ ...serviceAlarm('device_removed'), kind, ...facts })),
    ...[...TROUBLES, 'service_webhook_down', 'mail_down'].map(serviceAlarm),
  ];
  return alarms.map((alarm) => [alarm.kind, alarmText(alarm, reader)]);
}

function fieldTexts(lang: 'en' | 'id', type: string, fields: unknown): [string, string][] {
  if (typeof fields !== 'function') return [];
  return [[type, shownIn(String(fields({ lang }, {})))]];
}

/** What the refusals of the verbs are, and what stays as it is typed. */
const found = async (lang: 'en' | 'id', rule: (text: string) => readonly string[]) =>
  (await textsIn(lang)).flatMap(([path, text]) => rule(text).map((word) => `${path}: ${word}`));

describe.each(['en', 'id'] as const)('the words of the pages in %s', (lang) => {
  it('are many', async () => {
    expect((await textsIn(lang)).length).toBeGreaterThan(900);
  });

  it('name no event, code or field as programs do', async () => {
    expect(await found(lang, rawIn)).toEqual([]);
  });

  it('have no sentence that was rewritten because it read like a translation', async () => {
    expect(await found(lang, goneIn)).toEqual([]);
  });

  it('write numbers as the language does', async () => {
    const wrong = lang === 'en' ? /\d\.\d{3}\b|\d %/g : /\d,\d{3}\b|\d %/g;
    expect(await found(lang, (text) => text.match(wrong) ?? [])).toEqual([]);
  });
});

it('an Indonesian text has no English word', async () => {
  expect(await found('id', englishIn)).toEqual([]);
});

/** What the sources of these modules refuse with, each placeholder filled in. */
function refusalsIn(modules: readonly string[], pattern: RegExp): string[] {
  return modules.flatMap((path) => {
    const source = readFileSync(new URL(`messages/${path}`, SERVICES), 'utf8');
    const found = source.matchAll(pattern);
    return [...found].map(([, plain, made]) => (plain ?? made ?? '').replace(/\$\{[^}]*\}/g, '5'));
  });
}

const KIND_MODULES = readdirSync(new URL('messages/kinds/', SERVICES));

it('every reason that a kind of message refuses a field for is said in Indonesian', () => {
  const modules = [
    ...KIND_MODULES.map((name) => `kinds/${name}`),
    'schemas.ts',
    'send.ts',
    'status.ts',
    'channel.ts',
  ];
  const pattern = /'((?:must|is|are|cannot|and) [^'\n]+)'|`((?:must|is|are|cannot|and) [^`\n]+)`/g;
  const reasons = refusalsIn(modules, pattern);
  expect(reasons.length).toBeGreaterThan(40);
  expect(reasons.filter((reason) => reasonInIndonesian(reason) === null)).toEqual([]);
  expect(reasonInIndonesian('cannot be given together with caption')).toContain('Keterangan');
});

/** Of services that no form of the dashboard asks for, or that are no reasons of fields. */
const NO_FORM = [
  /^is (refused by WhatsApp as too old|missing|not base64|too long without base64|not percent-encoded)$/,
  /^has (no comma|a quote inside a value)/,
  /^is given (under two names|as delay too), with another value|^is given under two names/,
  // `must be at most` and `must be at least`, which are said.
  /^must be at 5 5$/,
  /^is for POST …|^must hold the session of the address|^must not lead out of its folder/,
];

it('so is every reason that any other service refuses a field for, in words of that language', () => {
  const modules = readdirSync(SERVICES, { recursive: true, encoding: 'utf8' });
  const sources = modules.filter((path) => path.endsWith('.ts')).map((path) => `../${path}`);
  const pattern = /'((?:must|is|are|has|cannot) [^'\n]+)'|`((?:must|is|are|has|cannot) [^`\n]+)`/g;
  const reasons = refusalsIn(sources, pattern).filter((reason) => !NO_FORM.some((one) => one.test(reason)));
  expect(reasons.length).toBeGreaterThan(120);
  expect(reasons.filter((reason) => reasonInIndonesian(reason) === null)).toEqual([]);
  const leaks = reasons.filter((reason) => / (of|and|the|or|with) /.test(reasonInIndonesian(reason) ?? ''));
  expect(leaks).toEqual([]);
});

it('every reason is put behind the name of its field, by services and by routes, and is said in Indonesian', () => {
  const folders = ['', '../controllers/'].flatMap((folder) =>
    readdirSync(new URL(folder, SERVICES), { recursive: true, encoding: 'utf8' }).map(
      (path) => `../${folder}${path}`,
    ),
  );
  const sources = folders.filter((path) => /\.tsx?$/.test(path));
  const pattern =
    /(?:invalid\w*\(\s*'[\w.]+',\s*|details: \{ [\w.']+: |path: \['\w+'\],\s+message: )(?:'([^'\n]* [^'\n]*)'|`([^`\n]* [^`\n]*)`)/g;
  const reasons = refusalsIn(sources, pattern);
  expect(reasons.length).toBeGreaterThan(60);
  expect(reasons.filter((reason) => !/^(?:5: )?(?:must|is|are|has|cannot|and) /.test(reason))).toEqual([]);
  expect(reasonInIndonesian('must be given, or else sessions or pool, and only one of them')).toMatch(
    /^wajib/,
  );
  expect(reasonInIndonesian('must be given, or else image or video, and only one of them')).toMatch(/^wajib/);
});

it('so is every sentence that an action on a message is refused with', () => {
  const modules = ['forward.ts', 'pin.ts', 'amend.ts', 'queue.ts', 'media-again.ts', 'poll.ts'];
  const sentences = refusalsIn(modules, /'([A-Z][^'\n]+\.)'|`([A-Z][^`\n]+\.)`/g);
  expect(sentences.length).toBeGreaterThan(20);
  const unsaid = sentences.filter((sentence) => sentenceInIndonesian(sentence) === null);
  expect(unsaid.filter((sentence) => !sentence.startsWith('Not valid: '))).toEqual([]);
});

const EVERYWHERE = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => `../../${path}`);

/** Their fields have words of their own, with the reason of each. */
const NAMES_FIELDS = /^(?:Not valid: |Some fields are not right\.|This URL is refused: 5\.)/;
const unsaidOf = (sentences: readonly string[]) =>
  sentences.filter((sentence) => !NAMES_FIELDS.test(sentence) && sentenceInIndonesian(sentence) === null);

it.each(keysOf(ERROR_STATUS))('so is every sentence of %s, wherever it is refused', (code) => {
  const pattern = new RegExp(
    `'${code}',\\s+(?:'([^'\\n]* [^'\\n]*)'|[\`"]([^\`"\\n]* [^\`"\\n]*)[\`"])`,
    'g',
  );
  const sentences = refusalsIn(EVERYWHERE, pattern);
  const few = new Map<ErrorCode, number>([
    ['CONFLICT', 70],
    ['NOT_FOUND', 50],
    ['VALIDATION_FAILED', 60],
    ['UNAVAILABLE', 25],
    ['FORBIDDEN', 20],
  ]);
  expect(sentences.length).toBeGreaterThanOrEqual(few.get(code) ?? 0);
  expect(unsaidOf(sentences)).toEqual([]);
});

/** They make a refusal of a sentence that stands elsewhere in them. */
const APART = [
  '../middlewares/authenticate.ts',
  '../middlewares/receive-body.ts',
  '../utils/loop-share.ts',
  '../cluster/commands.ts',
  '../cluster/command-rows.ts',
  '../whatsapp/baileys/requests/refusal.ts',
  'access.ts',
  'auth/registration.ts',
  'auth/second-factor/verbs.ts',
  'contacts/columns.ts',
  'contacts/import/encoding.ts',
  'contacts/import/job.ts',
  'contacts/import/records.ts',
  'groups/newcomers.ts',
  'oidc/flow.ts',
  'oidc/sign-in.ts',
  'sessions/create.ts',
  'sessions/pairing.ts',
  'sessions/passkey.ts',
].map((path) => `../${path}`);

it('so is every sentence that such a refusal takes from elsewhere', () => {
  const sentences = refusalsIn(APART, /'([A-Z][^'\n]* [^'\n]*\.)'|`((?:[A-Z]|\$\{)[^`\n]* [^`\n]*\.)`/g);
  expect(sentences.length).toBeGreaterThan(60);
  // Of a person or a key, of one session or some.
  const said = sentences.map((sentence) =>
    sentence.replace(/^5 is bound to 55/, 'This API key is bound to one session'),
  );
  // For programs: no page shows them.
  const hints = /^(?:Did you mean 5\?|Use an API key|Ask an owner of|Ask somebody whose|Sign in with POST) /;
  expect(unsaidOf(said).filter((sentence) => !hints.test(sentence))).toEqual([]);
});

it('the example of each code is a sentence that the service says', () => {
  const { INVALID_NUMBER: _numbers, VALIDATION_FAILED: _fields, ...others } = ERROR_HELP;
  expect(unsaidOf(Object.values(others).map(({ example }) => example.message))).toEqual([]);
});

it('what makes room for one more is said of each thing that is limited', () => {
  const quotas = readFileSync(new URL('quotas.ts', SERVICES), 'utf8');
  const things = [...quotas.matchAll(/thing: '([^']+)'/g)].map(([, thing = '']) => thing);
  expect(things.length).toBeGreaterThan(12);
  const said = things.map((thing) =>
    sentenceInIndonesian(
      `There are 1000 ${thing}, and at most 1000 are allowed, so one more cannot be taken: x.`,
    ),
  );
  expect(said.filter((sentence) => sentence === null || sentence.includes('hal seperti ini'))).toEqual([]);
  expect(new Set(said).size).toBe(things.length);
});

it('a refusal keeps its cause and its time', () => {
  const cases: [sentence: string, words: RegExp][] = [
    ['The code is not right, or it was used before.', /^Kode salah/],
    ['The media could not be fetched. The host answered with status 404.', /tidak bisa diambil.*status 404/],
    [
      'All 1000 messages of today are used: there are more from 2026-12-01T00:00:00.000Z on, or …',
      /2026-12-01/,
    ],
    [
      'All 50 codes of this hour are used: there are more from 2026-12-01T08:00:00.000Z on, or …',
      /pukul 08:00/,
    ],
    ['The session meets nobody new now.', /orang baru/],
    ['This link was used or is too old: ask for another one.', /^Tautan/],
    ['This session is linked by a pairing code, not by a QR.', /kode penautan/],
    ['The password must have at least 8 characters.', /minimal 8 karakter/],
  ];
  for (const [sentence, words] of cases) expect(sentenceInIndonesian(sentence)).toMatch(words);
});

it('no word is there that no page reads', async () => {
  expect(await unusedWords()).toEqual([]);
});

it('the rules see what they are for', () => {
  expect(englishIn('Pesan gagal. Try again {name}')).toEqual(['try', 'again']);
  expect(rawIn('Peristiwa otp.conversion_low, breaker_463, NO_ACK, scheduledAt')).toEqual([
    'otp.conversion_low',
    'conversion_low',
    'breaker_463',
    'NO_ACK',
    'scheduledAt',
  ]);
  expect(goneIn('The Breaker is closed')).toEqual(['Breaker']);
  expect(['Sampai', '2 keluar', 'Sampai jumpa', 'Keluar'].map((text) => goneIn(text).length)).toEqual([
    1, 1, 0, 0,
  ]);
});

describe('why an event did not get through', () => {
  it('has words in both languages for every sentence, and says what to do', () => {
    const failures = deliveryFailures();
    expect(failures).toContain('The receiver was down all day.');
    expect(failures).toContain('The receiver answered with status 503.');
    expect(failures.length).toBeGreaterThan(15);
    expect(failures.filter((said) => sentenceInIndonesian(said) === null)).toEqual([]);
    expect(deliveryWords('en', 'The webhook was disabled.')).toEqual({
      why: 'The webhook was disabled.',
      todo: 'Enable the webhook, then send the event again.',
    });
    const { why, todo } = deliveryWords('id', 'The host did not answer in time.');
    expect(why).toBe('Server tujuan tidak menjawab tepat waktu.');
    expect(todo).toContain('Pastikan server Anda');
  });
});
