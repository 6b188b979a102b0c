import { describe, expect, it } from 'vitest';
import { isSamePhone } from '../../src/utils/phone/former.ts';
import {
  backoffDelayMs,
  decide,
  outdatedDelayMs,
  type SocketHistory,
  tally,
} from '../../src/workers/session-supervisor/policy.ts';
import { createStartGate } from '../../src/workers/session-supervisor/start-gate.ts';
import { turns } from '../helpers/clock.ts';

const history = (more: Partial<SocketHistory> = {}): SocketHistory => ({
  paired: true,
  failures: 1,
  restarts: 0,
  outdated: 0,
  ...more,
});

describe('backoff', () => {
  it('lies between 1 s and 5 min for every attempt and any dice', () => {
    for (let attempt = 0; attempt < 200; attempt++) {
      for (const dice of [0, 0.25, 0.5, 0.999999, 1]) {
        const delay = backoffDelayMs(attempt, () => dice);
        expect(delay).toBeGreaterThanOrEqual(1_000);
        expect(delay).toBeLessThanOrEqual(300_000);
      }
    }
  });

  it('doubles its ceiling with each attempt and is jittered over the whole range', () => {
    expect([1, 2, 3, 8, 9, 30].map((attempt) => backoffDelayMs(attempt, () => 1))).toEqual([
      2_000, 4_000, 8_000, 256_000, 300_000, 300_000,
    ]);
    expect(backoffDelayMs(30, () => 0)).toBe(1_000);
  });

  it('tries a client that is too old every 5 to 15 minutes', () => {
    expect([outdatedDelayMs(() => 0), outdatedDelayMs(() => 1)]).toEqual([300_000, 900_000]);
  });
});

describe('the end of a socket', () => {
  it.each(['connection_lost', 'timed_out', 'unavailable', 'stalled', 'untrusted_server'] as const)(
    'a linked session reconnects after %s, however often',
    (reason) => {
      expect(decide(reason, history({ failures: 1_000 }))).toEqual({ do: 'retry', reason });
    },
  );

  it.each([
    ['logged_out', 'logged_out', 'device_removed'],
    ['replaced', 'replaced', 'replaced'],
    ['forbidden', 'failed', 'forbidden'],
    ['bad_session', 'failed', 'bad_session'],
  ] as const)('%s ends the session as %s', (reason, status, because) => {
    expect(decide(reason, history())).toEqual({ do: 'end', status, reason: because });
  });

  it('reopens at once when WhatsApp asks for it, without counting, but not for ever', () => {
    const counted = history({ failures: 0 });
    for (let i = 0; i < 5; i++) {
      tally(counted, 'restart_required');
      expect(decide('restart_required', counted)).toEqual({ do: 'reopen' });
    }
    expect(counted.failures).toBe(0);
    tally(counted, 'restart_required');
    expect(decide('restart_required', counted)).toMatchObject({ do: 'retry' });
    expect(counted.failures).toBe(1);
  });

  it('a session that was never linked stops after a few failures and after its pairing expired', () => {
    expect(decide('connection_lost', history({ paired: false, failures: 5 }))).toMatchObject({ do: 'retry' });
    expect(decide('connection_lost', history({ paired: false, failures: 6 }))).toMatchObject({ do: 'pause' });
    expect(decide('pairing_expired', history({ paired: false }))).toEqual({
      do: 'pause',
      reason: 'pairing_expired',
    });
  });

  it('an old client is refreshed three times before people hear of it', () => {
    expect(decide('client_outdated', history({ outdated: 3 }))).toEqual({ do: 'refresh', announce: false });
    expect(decide('client_outdated', history({ outdated: 4 }))).toEqual({ do: 'refresh', announce: true });
    expect(decide('client_outdated', history({ outdated: 4, paired: false }))).toMatchObject({ do: 'end' });
  });

  it('reconnects when somebody else closed the socket, and looks at the fence when ownership was lost', () => {
    expect(decide('closed_by_us', history())).toEqual({ do: 'retry', reason: 'connection_lost' });
    expect(decide('ownership_lost', history())).toEqual({ do: 'verify' });
  });
});

describe('the same phone', () => {
  it.each([
    ['6281234567890', '6281234567890', true],
    ['6281234567890', '6281234567891', false],
    ['5511987654321', '551187654321', true],
    ['5215512345678', '525512345678', true],
    ['5491123456789', '541123456789', true],
    ['5511987654321', '551187654322', false],
    ['2290197123456', '22997123456', true],
    ['2290197123456', '22997123457', false],
    ['2250707123456', '22507123456', true],
    ['2250507123456', '22507123456', false],
  ])('%s and %s: %s', (a, b, same) => {
    expect(isSamePhone(a, b)).toBe(same);
  });
});

describe('the start gate', () => {
  it('lets in as many as there are places, the most urgent first, in order among equals', async () => {
    const gate = createStartGate(1, () => false);
    const order: string[] = [];
    const first = gate.enter(0, 1);
    await first.ready;
    const tickets = [
      ['low', 1],
      ['high', 9],
      ['also low', 1],
      ['middle', 5],
    ].map(([name, urgency]) => {
      const ticket = gate.enter(Number(urgency), 1);
      void ticket.ready.then(() => order.push(String(name)));
      return ticket;
    });
    await turns(1);
    expect(order).toEqual([]);
    for (const ticket of [first, tickets[1], tickets[3], tickets[0], tickets[2]]) {
      ticket?.release();
      ticket?.release();
      await turns(1);
    }
    expect(order).toEqual(['high', 'middle', 'low', 'also low']);
    expect(gate.inside).toBe(0);
  });

  it('leaves places to other tenants, however many of one hold theirs and however urgent the rest of it is', async () => {
    const gate = createStartGate(10, () => true);
    const entered = new Map<number, number>();
    const enter = (userId: number, urgency: number, times: number) =>
      Array.from({ length: times }, () => {
        const ticket = gate.enter(urgency, userId);
        void ticket.ready.then(() => entered.set(userId, (entered.get(userId) ?? 0) + 1));
        return ticket;
      });
    const held = enter(1, 1_000, 40);
    enter(2, 500, 40);
    enter(3, 0, 1);
    await turns(1);
    expect(Object.fromEntries(entered)).toEqual({ 1: 5, 2: 3, 3: 1 });
    enter(4, 0, 2);
    await turns(1);
    expect(gate.inside).toBe(10);
    expect(entered.get(4)).toBe(1);
    // What is given back goes to whom it belongs, not to the most urgent.
    for (const ticket of held.slice(0, 5)) ticket.release();
    await turns(1);
    expect(entered.get(4)).toBe(2);
    expect(entered.get(1)).toBe(7);
    expect(gate.inside).toBe(8);
  });

  it('keeps no place back where there is one tenant', async () => {
    const gate = createStartGate(10, () => false);
    for (let n = 0; n < 20; n++) gate.enter(0, 1);
    await turns(1);
    expect(gate.inside).toBe(10);
  });

  it('forgets one that leaves while it waits', async () => {
    const gate = createStartGate(1, () => true);
    const inside = gate.enter(0, 1);
    const impatient = gate.enter(5, 2);
    const patient = gate.enter(1, 1);
    let entered = '';
    void impatient.ready.then(() => {
      entered += 'impatient';
    });
    void patient.ready.then(() => {
      entered += 'patient';
    });
    impatient.release();
    inside.release();
    await turns(1);
    expect(entered).toBe('patient');
    expect(gate.inside).toBe(1);
  });
});
