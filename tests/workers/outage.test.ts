import { describe, expect, it } from 'vitest';
import { watchCloses } from '../../src/services/metrics/closes.ts';
import { createMetrics } from '../../src/services/metrics/registry.ts';
import { redact } from '../../src/utils/redact.ts';
import { createOutage } from '../../src/workers/session-supervisor/outage.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { silentLogger } from '../helpers/engine.ts';

describe('an outage', () => {
  function setUp() {
    const clock = createFakeClock();
    const server = { answers: false, asked: 0 };
    const outage = createOutage({
      clock,
      logger: silentLogger,
      random: () => 1,
      probe: async () => {
        server.asked += 1;
        return server.answers;
      },
    });
    return { clock, server, outage };
  }

  it('ends for everybody within some seconds after the server answers a probe again', async () => {
    const { clock, server, outage } = setUp();
    const back: string[] = [];
    for (const id of ['a', 'b', 'c']) outage.wait(id, () => back.push(id));
    await clock.advance(60_000);
    expect(back).toEqual([]);
    server.answers = true;
    await clock.advance(8_000);
    expect(back).toEqual(['a', 'b', 'c']);
    const { asked } = server;
    await clock.advance(600_000);
    expect(server.asked).toBe(asked);
    outage.stop();
  });

  it('ends at once when another session is connected, and not for who has stopped waiting', async () => {
    const { clock, outage } = setUp();
    const back: string[] = [];
    outage.wait('a', () => back.push('a'));
    outage.wait('b', () => back.push('b'))();
    outage.over();
    await clock.advance(3_000);
    expect(back).toEqual(['a']);
    outage.stop();
  });

  it('does not make a session hammer a server that takes connections but not this session', async () => {
    const { clock, server, outage } = setUp();
    server.answers = true;
    let tries = 0;
    const again = () => {
      tries += 1;
      outage.wait('a', again);
    };
    outage.wait('a', again);
    await clock.advance(3_600_000);
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(12);
    expect(server.asked).toBeLessThan(40);
    outage.stop();
  });
});

describe('a socket that ends', () => {
  it('is counted each time and told once a minute and session, with what was left out', async () => {
    const clock = createFakeClock();
    const metrics = createMetrics();
    const lines: unknown[] = [];
    const logger = { ...silentLogger, warn: (_text: string, fields?: object) => void lines.push(fields) };
    const closed = watchCloses(metrics, { clock, logger });
    const account = { id: 'a', userId: 1, sessionId: 'main', owner: 'o', fence: 1 };
    const end = (reason: 'stalled' | 'closed_by_us', id = 'a') =>
      closed({ ...account, id }, { type: 'closed', reason, code: 408, message: 'no answer' });
    for (let i = 0; i < 3; i++) end('stalled');
    end('stalled', 'b');
    end('closed_by_us', 'c');
    await clock.advance(60_000);
    end('stalled');
    expect(lines).toMatchObject([{ reason: 'stalled', leftOut: 0 }, { leftOut: 0 }, { leftOut: 2 }]);
    // What a log hides by its name is not what this is about.
    expect(redact(lines[0])).toMatchObject({ errorCode: 408, errorMessage: 'no answer' });
    const text = await metrics.registry.metrics();
    expect(text).toContain('wahub_socket_closes_total{reason="stalled"} 5');
    expect(text).toContain('wahub_socket_closes_total{reason="closed_by_us"} 1');
  });
});
