import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHost } from '../../src/cluster/host.ts';
import { heldBy, release, releaseAll, takeOver } from '../../src/cluster/leases.ts';
import { affected } from '../../src/db/ops.ts';
import { processes, webhookLanes, whatsappAccounts } from '../../src/db/schema.ts';
import { newLaneClaim } from '../../src/events/lane-claims.ts';
import { countStatements } from '../helpers/statements.ts';
import { eventually, fakeHost, openWorld, untilStatus, type World } from './session-world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const ownersOf = async (ids: string[]) => Promise.all(ids.map(async (id) => (await world.row(id)).owner));

async function accounts(n: number): Promise<string[]> {
  const userId = await world.user();
  const ids: string[] = [];
  for (let i = 0; i < n; i++) ids.push(await world.account(userId));
  return ids;
}

describe('leases', () => {
  it('are taken from nobody, renewed, and given up at once by a process that stops', async () => {
    const ids = await accounts(3);
    const a = world.process();
    await a.supervisor.start();
    expect(new Set(await ownersOf(ids))).toEqual(new Set([a.processId]));
    expect((await world.row(ids[0] ?? '')).fence).toBe(1);
    await world.clock.advance(120_000);
    expect(a.ownership.isSafe()).toBe(true);
    const [beat] = await world.db.select().from(processes);
    expect(world.clock.now() - (beat?.heartbeatAt ?? 0)).toBeLessThanOrEqual(6_000);
    expect((await world.row(ids[0] ?? '')).fence).toBe(1);
    await a.supervisor.stop();
    expect(new Set(await ownersOf(ids))).toEqual(new Set([null]));
    expect(await world.db.select().from(processes)).toEqual([]);
  });

  it('take what a socket showed of a pairing with them, by whichever way they end', async () => {
    const shown = {
      qr: 'q',
      pairingCode: 'ABCD1234',
      qrExpiresAt: world.clock.now() + 60_000,
      passkey: { stage: 'confirm' as const, options: null, code: 'ABCD-1234', expiresAt: 1 },
    };
    const [id = ''] = await accounts(1);
    const show = () => world.db.update(whatsappAccounts).set(shown).where(eq(whatsappAccounts.id, id));
    const nothing = { qr: null, pairingCode: null, qrExpiresAt: null, passkey: null };
    await show();
    expect(await takeOver(world.db, 'one', [id], [])).toBe(1);
    expect(await world.row(id)).toMatchObject({ owner: 'one', ...nothing });
    await show();
    const { userId, sessionId, fence, status } = await world.row(id);
    const held = {
      id,
      userId,
      sessionId,
      owner: 'one',
      fence,
      status,
      enabled: true,
      proxy: null,
      autoReadFrom: null,
      rejectCalls: false,
      receiveStatus: false,
      receiveChannels: false,
    };
    expect(await release(world.db, held, world.clock.now())).toBe(true);
    expect(await world.row(id)).toMatchObject({ owner: null, ...nothing });
    await takeOver(world.db, 'one', [id], []);
    await show();
    await releaseAll(world.db, 'one', world.clock.now());
    expect(await world.row(id)).toMatchObject({ owner: null, ...nothing });
  });

  it('are not taken from a living process, and from a silent one only after 30 s', async () => {
    const ids = await accounts(1);
    const a = world.process({ host: fakeHost('one', 1) });
    await a.supervisor.start();
    await a.ownership.tick();
    a.plug.pulled = true;
    const b = world.process({ host: fakeHost('two', 1) });
    await b.supervisor.start();
    await world.clock.advance(20_000);
    expect(await ownersOf(ids)).toEqual([a.processId]);
    await world.clock.advance(20_000);
    await eventually(async () => (await world.row(ids[0] ?? '')).owner === b.processId);
    expect((await world.row(ids[0] ?? '')).fence).toBe(2);
    // The silent one does nothing any more, long before that.
    expect(a.ownership.isSafe()).toBe(false);
    a.plug.pulled = false;
    await a.ownership.tick();
    expect(a.engine.sockets.size).toBe(0);
  });

  it('in doubt stop everything but the sockets, and go on when the database is back and nobody took over', async () => {
    const [id = ''] = await accounts(1);
    const a = world.process();
    await a.supervisor.start();
    await eventually(() => a.engine.opens.length === 1);
    a.engine.connect(id, '628111');
    await untilStatus(world, id, 'connected');
    await a.ownership.tick();
    a.plug.pulled = true;
    await world.clock.advance(21_900);
    expect(a.ownership.isSafe()).toBe(true);
    await world.clock.advance(200);
    expect(a.ownership.isSafe()).toBe(false);
    await world.clock.advance(60_000);
    expect(a.engine.sockets.size).toBe(1);
    a.plug.pulled = false;
    await world.clock.advance(7_000);
    expect(a.ownership.isSafe()).toBe(true);
    expect(a.engine.opens).toHaveLength(1);
    expect(await world.row(id)).toMatchObject({ owner: a.processId, fence: 1, status: 'connected' });
  });

  it('after an outage for everybody stay where they are: whoever comes back first waits for the others', async () => {
    const ids = await accounts(4);
    const a = world.process({ host: fakeHost('one', 1) });
    const b = world.process({ host: fakeHost('two', 1) });
    await Promise.all([a.supervisor.start(), b.supervisor.start()]);
    await world.clock.advance(20_000);
    const before = await ownersOf(ids);
    a.plug.pulled = true;
    b.plug.pulled = true;
    await world.clock.advance(60_000);
    a.plug.pulled = false;
    await world.clock.advance(7_000);
    const late = world.process({ host: fakeHost('three', 1) });
    await late.supervisor.start();
    b.plug.pulled = false;
    await world.clock.advance(7_000);
    expect(await ownersOf(ids)).toEqual(before);
    for (const id of ids) expect((await world.row(id)).fence).toBe(1);
  });

  it('of a process that died during an outage are taken after 15 s of grace', async () => {
    const ids = await accounts(4);
    const a = world.process({ host: fakeHost('one', 1) });
    const b = world.process({ host: fakeHost('two', 1) });
    await Promise.all([a.supervisor.start(), b.supervisor.start()]);
    await world.clock.advance(20_000);
    a.plug.pulled = true;
    b.plug.pulled = true;
    await world.clock.advance(60_000);
    a.plug.pulled = false;
    await world.clock.advance(30_000);
    expect(new Set(await ownersOf(ids))).toEqual(new Set([a.processId]));
  });

  it('a stalled process that wakes finds its sessions lost, closes them and writes nothing', async () => {
    const [id = ''] = await accounts(1);
    const a = world.process({ host: fakeHost('one', 1) });
    await a.supervisor.start();
    await eventually(() => a.engine.opens.length === 1);
    a.engine.connect(id, '628111');
    await untilStatus(world, id, 'connected');
    a.plug.pulled = true;
    const b = world.process({ host: fakeHost('two', 1) });
    await b.supervisor.start();
    await world.clock.advance(45_000);
    await eventually(() => b.engine.opens.length === 1);
    b.engine.connect(id, '628111');
    await untilStatus(world, id, 'connected');
    // What the server says to the old socket when the new one comes.
    a.engine.end(id, 'replaced');
    a.plug.pulled = false;
    await world.clock.advance(20_000);
    expect(await world.row(id)).toMatchObject({ owner: b.processId, fence: 2, status: 'connected' });
    expect(a.engine.opens).toHaveLength(1);
    expect(a.ownership.held(id)).toBeNull();
  });

  it('above its share a process gives sessions away one by one, closed first, until both have as many', async () => {
    const ids = await accounts(8);
    const a = world.process({ host: fakeHost('one', 1) });
    await a.supervisor.start();
    await world.clock.advance(20_000);
    expect(a.engine.sockets.size).toBe(8);
    const b = world.process({ host: fakeHost('two', 1) });
    await b.supervisor.start();
    const held = (of: typeof a) => ids.filter((id) => of.ownership.held(id)).length;
    await world.clock.advance(7_000);
    expect(held(a)).toBeGreaterThan(4);
    await world.clock.advance(60_000);
    expect([held(a), held(b)]).toEqual([4, 4]);
    expect([a.engine.sockets.size, b.engine.sockets.size]).toEqual([4, 4]);
    for (const id of ids) expect((await world.row(id)).fence).toBeLessThanOrEqual(2);
  });

  it('alone on its database it keeps the sockets however long that is away', async () => {
    const [id = ''] = await accounts(1);
    const a = world.process({ alone: true });
    await a.supervisor.start();
    await eventually(() => a.engine.opens.length === 1);
    a.engine.connect(id, '628111');
    await untilStatus(world, id, 'connected');
    a.plug.pulled = true;
    await world.clock.advance(600_000);
    expect(a.engine.sockets.size).toBe(1);
    a.plug.pulled = false;
    await world.clock.advance(10_000);
    expect(a.engine.opens).toHaveLength(1);
    expect(await world.row(id)).toMatchObject({ fence: 1, status: 'connected' });
  });

  it('of a dead process of the same host end at once; of another host they wait', async () => {
    const dead = new Set<number>();
    const ids = await accounts(2);
    const old = world.process({ host: fakeHost('here', 1) });
    await old.ownership.start({ onTaken() {}, onLost() {}, onRenewed() {}, onRelease() {}, onPeerGone() {} });
    const next = world.process({ host: fakeHost('here', 2, dead) });
    await next.supervisor.start();
    expect(new Set(await ownersOf(ids))).toEqual(new Set([old.processId]));
    // kill -9
    dead.add(1);
    await next.ownership.tick();
    expect(new Set(await ownersOf(ids))).toEqual(new Set([next.processId]));
    const elsewhere = world.process({ host: fakeHost('there', 3, new Set([1, 2])) });
    await elsewhere.supervisor.start();
    await elsewhere.ownership.tick();
    expect(new Set(await ownersOf(ids))).toEqual(new Set([next.processId]));
  });

  it('when another process is gone, sessions are read again once: it may have told nothing of what it did', async () => {
    const dead = new Set<number>();
    for (const pid of [1, 2]) {
      const { ownership } = world.process({ host: fakeHost('here', pid) });
      await ownership.start({ onTaken() {}, onLost() {}, onRenewed() {}, onRelease() {}, onPeerGone() {} });
    }
    const next = world.process({ host: fakeHost('here', 3, dead) });
    await next.supervisor.start();
    const known = async () => {
      await next.ownership.tick();
      return [next.ownership.hasPeers(), next.log.rereads];
    };
    expect(await known()).toEqual([true, 0]);
    dead.add(1);
    expect(await known()).toEqual([true, 1]);
    dead.add(2);
    expect(await known()).toEqual([false, 2]);
    expect(await known()).toEqual([false, 2]);
  });

  it.each(['free', 'leave'] as const)(
    'taken over from a process that died %s its webhook lanes',
    async (what) => {
      const dead = new Set<number>();
      const ids = await accounts(1);
      const old = world.process({ host: fakeHost('here', 1) });
      await old.ownership.start({
        onTaken() {},
        onLost() {},
        onRenewed() {},
        onRelease() {},
        onPeerGone() {},
      });
      const next = world.process({ host: fakeHost('here', 2, dead) });
      await next.supervisor.start();
      const claims = [old, next].map(({ processId }) => newLaneClaim(processId));
      const rows = claims.map((claim) => ({
        lane: claim,
        webhookId: 'w',
        claim,
        dueAt: Number.MAX_SAFE_INTEGER,
      }));
      await world.db.insert(webhookLanes).values(rows);
      const left = async () =>
        (await world.db.select().from(webhookLanes)).flatMap(({ claim }) => claim ?? []).sort();
      if (what === 'leave') next.plug.refused = webhookLanes;
      dead.add(1);
      await next.ownership.tick();
      expect(await ownersOf(ids)).toEqual([next.processId]);
      if (what === 'free') await eventually(async () => (await left()).length === 1);
      // Its own it frees when it stops.
      await next.supervisor.stop();
      expect(await ownersOf(ids)).toEqual([null]);
      expect(await left()).toEqual(what === 'free' ? [] : claims.sort());
    },
  );

  it.each([
    ['a process that is killed, on this host', { sameHost: true, afterMs: 0 }],
    ['a process that falls silent, elsewhere', { sameHost: false, afterMs: 50_000 }],
    ['a process that was silent for hours', { sameHost: false, afterMs: 7_200_000 }],
  ])('leave with %s when the session was seen last', async (_name, { sameHost, afterMs }) => {
    const dead = new Set<number>();
    const [id = ''] = await accounts(1);
    const old = world.process({ host: fakeHost('here', 1) });
    await old.supervisor.start();
    await eventually(() => old.engine.opens.length === 1);
    old.engine.connect(id, '628111');
    await untilStatus(world, id, 'connected');
    await world.clock.advance(600_000);
    const killedAt = world.clock.now();
    old.plug.pulled = true;
    dead.add(1);
    await world.clock.advance(afterMs);
    const next = world.process({ host: fakeHost(sameHost ? 'here' : 'there', 2, dead) });
    await next.supervisor.start();
    await world.clock.advance(20_000);
    await eventually(async () => (await world.row(id)).owner === next.processId);
    const { lastSeenAt } = await world.row(id);
    expect(killedAt - (lastSeenAt ?? 0)).toBeLessThanOrEqual(6_000);
    expect(lastSeenAt).toBeLessThanOrEqual(killedAt);
  });

  it('given up in an orderly stop say that the session was seen until then', async () => {
    const [id = ''] = await accounts(1);
    const a = world.process();
    await a.supervisor.start();
    await eventually(() => a.engine.opens.length === 1);
    a.engine.connect(id, '628111');
    await untilStatus(world, id, 'connected');
    await world.clock.advance(600_000);
    const stoppedAt = world.clock.now();
    await a.supervisor.stop();
    expect((await world.row(id)).lastSeenAt).toBe(stoppedAt);
  });

  it('of every earlier process end at once where the database serves one process only', async () => {
    const ids = await accounts(2);
    const old = world.process({ host: fakeHost('container-1', 1) });
    await old.ownership.start({ onTaken() {}, onLost() {}, onRenewed() {}, onRelease() {}, onPeerGone() {} });
    const next = world.process({ host: fakeHost('container-2', 1), alone: true });
    await next.supervisor.start();
    expect(new Set(await ownersOf(ids))).toEqual(new Set([next.processId]));
  });

  it('are shared: a process takes no more than its part and a little', async () => {
    const a = world.process({ host: fakeHost('one', 1) });
    const b = world.process({ host: fakeHost('two', 1) });
    await Promise.all([a.supervisor.start(), b.supervisor.start()]);
    const ids = await accounts(20);
    await a.ownership.tick();
    await b.ownership.tick();
    const owners = await ownersOf(ids);
    const ofA = owners.filter((owner) => owner === a.processId).length;
    expect(owners).not.toContain(null);
    expect(ofA).toBeGreaterThan(0);
    expect(ofA).toBeLessThanOrEqual(12);
  });

  it('have exactly one winner when two processes race for them', async () => {
    const ids = await accounts(40);
    const racers = [1, 2, 3].map((n) => world.process({ host: fakeHost(`h${n}`, n) }));
    await Promise.all(racers.map((racer) => racer.supervisor.start()));
    await Promise.all(racers.map((racer) => racer.ownership.tick()));
    const held = racers.flatMap((racer) => ids.filter((id) => racer.ownership.held(id)));
    expect(held).toHaveLength(new Set(held).size);
    for (const racer of racers) {
      for (const id of ids) {
        const mine = racer.ownership.held(id);
        if (!mine) continue;
        const written = await world.db.update(whatsappAccounts).set({ name: 'x' }).where(heldBy(mine));
        expect(affected(written)).toBe(1);
      }
    }
  });

  it('a fence that was passed lets no write through', async () => {
    const [id = ''] = await accounts(1);
    const a = world.process({ host: fakeHost('one', 1) });
    await a.supervisor.start();
    const stale = a.ownership.held(id);
    if (!stale) throw new Error('not taken');
    await world.db.update(processes).set({ heartbeatAt: 0 }).where(eq(processes.id, a.processId));
    const b = world.process({ host: fakeHost('two', 1) });
    await b.supervisor.start();
    const write = world.db.update(whatsappAccounts).set({ name: 'stale' }).where(heldBy(stale));
    expect(affected(await write)).toBe(0);
    await a.ownership.tick();
    expect(a.ownership.held(id)).toBeNull();
    await world.idle();
    expect(a.engine.sockets.size).toBe(0);
    expect((await world.row(id)).owner).toBe(b.processId);
  });

  it('a session that vanished is dropped by the next round', async () => {
    const [id = ''] = await accounts(1);
    const a = world.process();
    await a.supervisor.start();
    await eventually(() => a.engine.opens.length === 1);
    await world.db.delete(whatsappAccounts).where(eq(whatsappAccounts.id, id));
    await a.ownership.tick();
    expect(a.engine.sockets.size).toBe(0);
    expect(a.supervisor.countByStatus()).toEqual({});
  });

  it('claims one that is free and leaves one that is not', async () => {
    const a = world.process({ host: fakeHost('one', 1) });
    const b = world.process({ host: fakeHost('two', 1) });
    await a.supervisor.start();
    await b.supervisor.start();
    const [id = ''] = await accounts(1);
    const results = await Promise.all([a.ownership.claim(id), b.ownership.claim(id)]);
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  it('claims one that was made as its own, and is not known to it yet', async () => {
    const { ownership, processId, supervisor } = world.process();
    await supervisor.start();
    const id = await world.account(await world.user(), { owner: processId, fence: 1 });
    expect(await ownership.claim(id)).toMatchObject({ id, fence: expect.any(Number) });
  });

  it('asks for sessions of others together, and beats before those who ask next', async () => {
    const [id = ''] = await accounts(1);
    const owner = world.process({ host: fakeHost('one', 1) });
    await owner.supervisor.start();
    const { ownership, supervisor } = world.process({ host: fakeHost('two', 1) });
    await supervisor.start();
    const count = countStatements();
    try {
      const many = await Promise.all(Array.from({ length: 500 }, () => ownership.claim(id)));
      expect(many.every((claimed) => claimed === null)).toBe(true);
      expect(count.take().statements).toBeLessThan(12);
    } finally {
      count.stop();
    }
    let hasBeaten = false;
    let claimed = 0;
    const asking = Array.from({ length: 20 }, async () => {
      for (; !hasBeaten && claimed < 2_000; claimed++) await ownership.claim(id);
    });
    await ownership.tick();
    hasBeaten = true;
    await Promise.all(asking);
    // Those of the moment before, and those that were asked for meanwhile.
    expect(claimed).toBeLessThan(100);
    expect((await world.row(id)).owner).toBe(owner.processId);
  });
});

describe('the host', () => {
  it('knows a running process, one that is gone and one that got the same pid', async () => {
    const host = readHost();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const { pid } = child;
    if (pid === undefined) throw new Error('nothing was started');
    try {
      expect(host.identity.host).toContain(hostname().slice(0, 20));
      expect(host.identity.host.length).toBeLessThanOrEqual(190);
      expect(host.check(host.identity)).toBe('alive');
      expect(host.check({ ...host.identity, pid })).toBe('dead');
      expect(host.check({ ...host.identity, host: 'elsewhere' })).toBe('unknown');
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    expect(host.check({ ...host.identity, pid })).toBe('dead');
  });

  it('reads the start time behind a program name with blanks and brackets, and does not guess without /proc', () => {
    const proc = mkdtempSync(join(tmpdir(), 'wahub-proc-'));
    try {
      expect(readHost(proc).check({ host: readHost(proc).identity.host, pid: 7, pidStartedAt: '42' })).toBe(
        'unknown',
      );
      mkdirSync(join(proc, 'sys/kernel/random'), { recursive: true });
      mkdirSync(join(proc, 'self/ns'), { recursive: true });
      writeFileSync(join(proc, 'sys/kernel/random/boot_id'), 'boot\n');
      symlinkSync('pid:[1]', join(proc, 'self/ns/pid'));
      const stat = (pid: number, state: string, startedAt: string) => {
        mkdirSync(join(proc, String(pid)), { recursive: true });
        const rest = ['1', ...Array(17).fill('0'), startedAt, '0'].join(' ');
        writeFileSync(join(proc, String(pid), 'stat'), `${pid} (a ) b (c) ${state} ${rest}`);
      };
      stat(process.pid, 'S', '10');
      stat(7, 'S', '42');
      stat(8, 'Z', '43');
      const host = readHost(proc);
      const other = (pid: number, pidStartedAt: string) =>
        host.check({ ...host.identity, pid, pidStartedAt });
      expect(host.identity.pidStartedAt).toBe('10');
      expect([other(7, '42'), other(7, '41'), other(8, '43'), other(9, '1')]).toEqual([
        'alive',
        'dead',
        'dead',
        'dead',
      ]);
    } finally {
      rmSync(proc, { recursive: true });
    }
  });
});
