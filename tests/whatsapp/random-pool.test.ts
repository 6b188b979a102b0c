import '../../src/whatsapp/baileys/preload.ts';
import crypto, { randomBytes } from 'node:crypto';
import { expect, it, vi } from 'vitest';

it('random values of every size are there, each by itself, and none comes twice', async () => {
  expect(randomBytes).toBe(crypto.randomBytes);
  for (let size = 0; size <= 40; size++) {
    const given = randomBytes(size);
    expect([given.length, Buffer.isBuffer(given)]).toEqual([size, true]);
    // Whoever reads the memory behind it sees nothing that somebody else gets.
    expect(given.buffer.byteLength).toBe(size);
  }
  const all = new Set(
    Array.from({ length: 20_000 }, (_, n) => randomBytes(8 + (n % 9)).toString('hex', 0, 8)),
  );
  expect(all.size).toBe(20_000);
  const counts = new Array<number>(256).fill(0);
  for (let n = 0; n < 51_200; n++) {
    const [byte = 0] = randomBytes(1);
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  // 200 each; nine standard deviations.
  expect(Math.min(...counts)).toBeGreaterThan(70);
  expect(Math.max(...counts)).toBeLessThan(330);
  const later = await new Promise<Buffer>((resolve) => randomBytes(4, (_error, bytes) => resolve(bytes)));
  expect(later).toHaveLength(4);
  for (const bad of [-1, Number.NaN, '4']) expect(() => randomBytes(bad as number)).toThrow();
});

it('single bytes alone come from the pool: what is longer may be a secret', () => {
  const filled = vi.spyOn(crypto, 'randomFillSync');
  try {
    for (let n = 0; n < 20_000; n++) randomBytes(2 + (n % 31));
    expect(filled).not.toHaveBeenCalled();
    for (let n = 0; n < 2 * 8_192; n++) randomBytes(1);
    expect(filled).toHaveBeenCalledTimes(2);
  } finally {
    filled.mockRestore();
  }
});
