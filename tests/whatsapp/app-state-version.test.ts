/** Versions of what a phone shares: long ones are read and written without holding the event loop, and stay what they are. */
import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { BufferJSON } from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { decodeVersion, encodeVersion } from '../../src/whatsapp/baileys/app-state-version.ts';

const MAX_HOLD_MS = 50;
const TRIES = 4;

function stateOf(entries: number) {
  const indexValueMap: Record<string, { valueMac: Buffer }> = {};
  for (let i = 0; i < entries; i++) {
    indexValueMap[randomBytes(32).toString('base64')] = { valueMac: randomBytes(32) };
  }
  return { version: 7, hash: randomBytes(128), indexValueMap };
}

/** How long the loop was held at most, in ms: of some tries the best, without what the machine gave to others. */
async function held(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < TRIES && least > MAX_HOLD_MS; tries++) {
    const probe = monitorEventLoopDelay({ resolution: 1 });
    const cpu = process.cpuUsage();
    probe.enable();
    await work();
    await new Promise((resolve) => setImmediate(resolve));
    probe.disable();
    const { user, system } = process.cpuUsage(cpu);
    least = Math.min(least, probe.max / 1e6, (user + system) / 1e3);
  }
  return least;
}

it.each([0, 1, 20])('of %i entries are the same after they were kept, as any JSON', async (entries) => {
  const state = stateOf(entries);
  const bytes = encodeVersion(state);
  expect(await decodeVersion(bytes)).toEqual(state);
  const written = JSON.stringify(state, BufferJSON.replacer);
  expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(written));
  expect(await decodeVersion(Buffer.from(written))).toEqual(state);
});

it('that are written in another way are read too', async () => {
  const state = { ...stateOf(2), hash: Buffer.alloc(3) };
  const odd = { ...state, indexValueMap: { ...state.indexValueMap, short: { valueMac: Buffer.from('x') } } };
  expect(await decodeVersion(encodeVersion(odd))).toEqual(odd);
  const spaced = JSON.stringify(state, BufferJSON.replacer, 2);
  expect(await decodeVersion(Buffer.from(spaced))).toEqual(state);
  await expect(decodeVersion(Buffer.from('{"indexValueMap":{"cut'))).rejects.toThrow();
});

it('of 50,000 entries do not hold the event loop for 50 ms', async () => {
  const state = stateOf(50_000);
  const bytes = encodeVersion(state);
  expect(bytes.length).toBeGreaterThan(6_000_000);
  expect(encodeVersion(await decodeVersion(bytes)).equals(bytes)).toBe(true);
  expect(await held(() => decodeVersion(bytes))).toBeLessThan(MAX_HOLD_MS);
  expect(await held(() => encodeVersion(state))).toBeLessThan(MAX_HOLD_MS);
});
