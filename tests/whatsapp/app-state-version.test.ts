/** Versions of what a phone shares: long ones are read and written without holding the event loop, and stay what they are. */
import { randomBytes } from 'node:crypto';
import { BufferJSON } from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { decodeVersion, encodeVersion } from '../../src/whatsapp/baileys/app-state-version.ts';
import { heldAtLeast, MAX_HOLD_MS } from '../helpers/held.ts';

function stateOf(entries: number) {
  const indexValueMap: Record<string, { valueMac: Buffer }> = {};
  for (let i = 0; i < entries; i++) {
    indexValueMap[randomBytes(32).toString('base64')] = { valueMac: randomBytes(32) };
  }
  return { version: 7, hash: randomBytes(128), indexValueMap };
}

it.each([0, 1, 20])('of %i entries are the same after they were kept, as any JSON', async (entries) => {
  const state = stateOf(entries);
  const bytes = await encodeVersion(state);
  expect(await decodeVersion(bytes)).toEqual(state);
  const written = JSON.stringify(state, BufferJSON.replacer);
  expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(written));
  expect(await decodeVersion(Buffer.from(written))).toEqual(state);
});

it('that are written in another way are read too', async () => {
  const state = { ...stateOf(2), hash: Buffer.alloc(3) };
  const odd = { ...state, indexValueMap: { ...state.indexValueMap, short: { valueMac: Buffer.from('x') } } };
  expect(await decodeVersion(await encodeVersion(odd))).toEqual(odd);
  const spaced = JSON.stringify(state, BufferJSON.replacer, 2);
  expect(await decodeVersion(Buffer.from(spaced))).toEqual(state);
  await expect(decodeVersion(Buffer.from('{"indexValueMap":{"cut'))).rejects.toThrow();
});

it('of 50,000 entries do not hold the event loop for 50 ms', async () => {
  const state = stateOf(50_000);
  const bytes = await encodeVersion(state);
  expect(bytes.length).toBeGreaterThan(6_000_000);
  expect((await encodeVersion(await decodeVersion(bytes))).equals(bytes)).toBe(true);
  expect(await heldAtLeast(() => decodeVersion(bytes))).toBeLessThan(MAX_HOLD_MS);
  expect(await heldAtLeast(() => encodeVersion(state))).toBeLessThan(MAX_HOLD_MS);
});
