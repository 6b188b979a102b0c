/** The examples of events: what a receiver is tried out with, what OpenAPI shows, and what docs/webhooks.md says of each. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WEBHOOK_BODIES } from '../../src/controllers/webhook-events.ts';
import { WEBHOOK_EVENTS } from '../../src/events/table.ts';
import { usageWarning } from '../../src/queue/usage.ts';
import { isLowConversion } from '../../src/services/otp/conversion.ts';
import { exampleOf } from '../../src/services/webhooks/samples.ts';
import { loadConfig } from '../../src/utils/config.ts';

const read = (name: string) => readFileSync(`docs/${name}.md`, 'utf8');
const DOCUMENT = read('webhooks');
const NAMES = /`([^`]+)`/g;
const namesIn = (text = '') => [...text.matchAll(NAMES)].map(([, name = '']) => name);

/** What each name of the table says of an event: its second column. */
const fieldsOf = new Map(
  DOCUMENT.slice(DOCUMENT.indexOf('## What `data` holds'), DOCUMENT.indexOf('## What `content` holds'))
    .split('\n')
    .filter((line) => /^\| `[a-z]+\./.test(line))
    .flatMap((line) => {
      const [, events, fields] = line.split('|');
      return namesIn(events).map((event): [string, string[]] => [event, namesIn(fields)]);
    }),
);
/** Those that its introduction gives to all events of a session, and to all of messages. */
const OF_SESSIONS = ['sessionId', 'session', 'seq'];
const OF_MESSAGES = ['messageId', 'status', 'phone', 'lid', 'chat', 'isGroup', 'type'];
const OF_NO_SESSION = ['otp.conversion_low', 'usage.warning'];

describe.each(WEBHOOK_EVENTS)('%s', (event) => {
  const { type, data } = exampleOf(event);

  it('has all the fields in the document that its example has, and no others', () => {
    const common = OF_NO_SESSION.includes(event) ? [] : OF_SESSIONS;
    const ofMessages = event.startsWith('message.') ? OF_MESSAGES : [];
    const documented = [...common, ...ofMessages, ...(fieldsOf.get(event) ?? [])];
    expect(Object.keys(data).sort()).toEqual(documented.sort());
  });

  it('has an example in OpenAPI that its schema takes', () => {
    const { schema, examples } = WEBHOOK_BODIES[event] ?? {};
    const bodies = Object.values(examples ?? {});
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) expect(schema?.safeParse(body)).toMatchObject({ success: true });
    expect(type).toBe(event);
  });

  it('gives reasons and codes that the documents explain', () => {
    const explained = read('operations') + DOCUMENT;
    const given = [data.reason, data.errorCode, data.kind].filter((word) => typeof word === 'string');
    const own = event === 'session.restricted' ? ['reachout_timelock'] : [];
    expect(given.filter((word) => !explained.includes(`\`${word}\``) && !own.includes(word))).toEqual([]);
  });
});

it('a warning of the example of little conversion is one, as shipped', () => {
  const { conversion } = loadConfig({
    JWT_SECRET: '7c0d95e1'.repeat(8),
    ENCRYPTION_KEY: '5e1b93c0'.repeat(8),
  }).otp;
  const { ended, verified, percent } = exampleOf('otp.conversion_low').data;
  const tally = { ended: Number(ended), verified: Number(verified) };
  expect(isLowConversion(conversion, tally)).toBe(true);
  expect(percent).toBe((100 * tally.verified) / tally.ended);
});

it('a warning of use has the fields that the service writes', () => {
  const fact = usageWarning(1, { limit: 'messagesPerDay', max: 10, used: 8, percent: 80, until: null });
  expect(Object.keys(fact.data ?? {}).sort()).toEqual(Object.keys(exampleOf('usage.warning').data).sort());
});

it('an event that webhooks do not take is marked where the documents name it', () => {
  const lines = read('otp')
    .split('\n')
    .filter((line) => namesIn(line).some((name) => /^otp\.[a-z_]+$/.test(name)));
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) {
    const others = namesIn(line)
      .filter((name) => /^otp\.[a-z_]+$/.test(name))
      .filter((name) => !WEBHOOK_EVENTS.some((event) => event === name));
    if (others.length > 0) expect(line).toContain('no webhook takes them');
  }
});
