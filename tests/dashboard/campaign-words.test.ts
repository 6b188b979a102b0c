/** What pages say of campaigns in words, colours and marks: the pure parts. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cronText } from '../../src/controllers/dashboard/broadcast/cron-text.ts';
import { Bubble } from '../../src/controllers/dashboard/messages/bubble.tsx';
import { type Marked, readMarkup } from '../../src/controllers/dashboard/messages/markup.ts';
import type { View } from '../../src/controllers/dashboard/page.ts';
import { STATE_MEANINGS, stateTone } from '../../src/controllers/dashboard/tones.ts';
import {
  CAMPAIGN_STATUSES,
  CHECK_STATUSES,
  CHECKED_STATES,
  IMPORT_STATUSES,
  MESSAGE_STATUSES,
  OTP_STATUSES,
  OUTBOX_STATES,
  REPLAY_STATES,
  SESSION_STATUSES,
} from '../../src/db/schema.ts';
import { outcomeText } from '../../src/services/campaigns/outcome-words.ts';
import { RECIPIENT_STATUSES } from '../../src/services/campaigns/schemas.ts';
import type { MessageOutput } from '../../src/services/messages/schemas.ts';
import { HealthState } from '../../src/services/webhooks/schemas.ts';
import { cpuMsOf } from '../helpers/cpu-time.ts';
import { englishIn, rawIn } from './wording.ts';

describe('a schedule', () => {
  it.each([
    ['0 9 * * 1', 'Mondays 09:00', 'Setiap Senin 09:00'],
    ['30 18 * * *', 'Every day 18:30', 'Setiap hari 18:30'],
    ['5 0 15 * *', 'Day 15 of each month 00:05', 'Tanggal 15 setiap bulan 00:05'],
    ['0 9 * * 7', 'Sundays 09:00', 'Setiap Minggu 09:00'],
    ['30 9 * * 1-5', 'At 09:30, Monday through Friday', 'Pada 09:30, Senin sampai Jumat'],
    ['0 9,14 * * *', 'At 09:00 and 14:00', 'Pada 09:00 dan 14:00'],
    ['not a cron', 'not a cron', 'not a cron'],
  ])('%s is said in words', (cron, en, id) => {
    expect([cronText('en', cron), cronText('id', cron)]).toEqual([en, id]);
  });
});

describe('the colour of a state', () => {
  const all = [
    CAMPAIGN_STATUSES,
    RECIPIENT_STATUSES,
    MESSAGE_STATUSES,
    OTP_STATUSES,
    OUTBOX_STATES,
    REPLAY_STATES,
    IMPORT_STATUSES,
    SESSION_STATUSES,
    HealthState.options,
    CHECK_STATUSES,
    CHECKED_STATES,
    ['held', 'unlinked', 'invalid', 'duplicate', 'repaired', 'active', 'disabled'],
  ].flat();

  it('is in the table for every state that there is, and for nothing else', () => {
    expect(Object.keys(STATE_MEANINGS).sort()).toEqual([...new Set<string>(all)].sort());
  });

  it('is one for what means the same', () => {
    const of = (...states: string[]) => [...new Set(states.map(stateTone))];
    expect(of('failed', 'dead', 'down', 'logged_out', 'replaced', 'invalid')).toEqual(['bad']);
    expect(of('paused', 'held', 'expired', 'retrying', 'skipped', 'disconnected')).toEqual(['warn']);
    expect(of('delivered', 'read', 'completed', 'running', 'verified', 'connected', 'healthy')).toEqual([
      'good',
    ]);
    expect(of('queued', 'pending', 'scheduled', 'sent', 'stopped', 'canceled')).toEqual(['plain']);
    expect(stateTone('constructor')).toBe('plain');
  });

  it('is decided nowhere else', () => {
    const folder = new URL('../../src/controllers/dashboard/', import.meta.url);
    const files = readdirSync(folder, { recursive: true }).map(String);
    const tables = files.filter((file) => {
      if (!/\.tsx?$/.test(file) || file === 'tones.ts') return false;
      return /Record<[^>]*, Tone>|_TONES\b|const TONES\b/.test(readFileSync(new URL(file, folder), 'utf8'));
    });
    expect(tables).toEqual([]);
  });
});

it('the outcome of a recipient is told in words, also one that is new here', () => {
  const reasons = [
    'opted_out',
    'not_on_whatsapp',
    '463',
    '479',
    '500',
    'NO_ACK',
    'RECIPIENT_KEYS',
    'new_thing',
  ];
  for (const reason of reasons) {
    const [en, id] = [outcomeText('en', reason), outcomeText('id', reason)];
    expect(en).not.toBe(id);
    expect([...rawIn(en), ...rawIn(id), ...englishIn(id)], reason).toEqual([]);
    expect(en + id).not.toContain(reason);
  }
});

describe('the marks of WhatsApp', () => {
  const mark = (name: string, ...parts: unknown[]) => ({ mark: name, parts });
  it.each<[string, unknown[]]>([
    ['plain', ['plain']],
    ['a *bold* word', ['a ', mark('bold', 'bold'), ' word']],
    ['_it_ ~no~ `x`', [mark('italic', 'it'), ' ', mark('strike', 'no'), ' ', mark('mono', 'x')]],
    ['*bold _both_*', [mark('bold', 'bold ', mark('italic', 'both'))]],
    ['```two\nlines *x*```', [mark('mono', 'two\nlines *x*')]],
    ['(*bold*), yes', ['(', mark('bold', 'bold'), '), yes']],
    ['snake_case_name and 2*3*4', ['snake_case_name and 2*3*4']],
    ['* a list', ['* a list']],
    ['*open\nline*', ['*open\nline*']],
    ['*a _b* c_', [mark('bold', 'a _b'), ' c_']],
    ['** __ ~~ ``', ['** __ ~~ ``']],
    ['', []],
  ])('in %j', (text, expected) => {
    expect(joined(readMarkup(text))).toEqual(expected);
  });

  it('are read in a time that grows with the text, whatever it is, and lose nothing', async () => {
    for (const bad of ['*a ', '_', '`', '```', '*_~', '`\n', '* _a* ~b_ ']) {
      const text = bad.repeat(65_536 / bad.length);
      let parts = readMarkup('');
      const tookMs = await cpuMsOf(() => {
        parts = readMarkup(text);
      });
      expect(tookMs, bad).toBeLessThan(500);
      expect(plain(parts).length).toBeGreaterThan(0);
      expect(plain(parts).replace(/[*_~`]/g, '')).toBe(text.replace(/[*_~`]/g, ''));
    }
  });

  it('of fifty hostile texts hold the loop for less than 50 ms', async () => {
    const view = { lang: 'en', zone: 'UTC', now: 0, path: '', csrf: '', canWrite: true } as unknown as View;
    const file = { media: { state: 'pending', mimetype: 'image/png', size: 1 } };
    for (const bad of ['*a* ', '*_~a~_* ', '`a` ', '*a\n', '```a``` ']) {
      const text = bad.repeat(65_536 / bad.length);
      const contents = [
        { type: 'text', text },
        { type: 'image', ...file, caption: text },
      ];
      for (const content of contents) {
        const message = { ...FAKE_MESSAGE, content };
        const times: number[] = [];
        const showFifty = () => {
          for (let i = 0; i < 50; i++) String(Bubble({ view, message }));
        };
        // The best of a few: others work on this machine, too.
        while (times.length < 4) times.push(await cpuMsOf(showFifty));
        expect(Math.min(...times), bad).toBeLessThan(50);
      }
    }
  });
});

/** Safe because a bubble reads no other fields. */
const FAKE_MESSAGE = {
  messageId: 'x',
  direction: 'in',
  sessionId: 'main',
  chat: '6281234567890@s.whatsapp.net',
  createdAt: '2026-01-01T00:00:00.000Z',
  sentAt: null,
  editedAt: null,
  revokedAt: null,
  source: null,
  status: 'received',
} as unknown as MessageOutput;

const plain = (parts: readonly Marked[]): string =>
  parts.map((part) => (typeof part === 'string' ? part : plain(part.parts))).join('');

/** Neighbours that are both text, as one. */
function joined(parts: readonly Marked[]): unknown[] {
  const made: unknown[] = [];
  for (const part of parts) {
    const last = made.at(-1);
    if (typeof part === 'string' && typeof last === 'string') made[made.length - 1] = last + part;
    else made.push(typeof part === 'string' ? part : { mark: part.mark, parts: joined(part.parts) });
  }
  return made;
}
