import { expect, it } from 'vitest';
import { missingMembers } from '../../src/whatsapp/baileys/prepare.ts';

const MEMBERS = 1_024;
const DEVICES = 5;
const lid = (n: number) => `${900_000_000 + n}@lid`;
const device = (n: number, id: number) => (id === 0 ? lid(n) : `${900_000_000 + n}:${id}@lid`);
const nameOf = (member: string) => member.replace('@lid', '@s.whatsapp.net');

it('names each member of whom a device gets no message, and tells when none does', () => {
  const jids = [device(1, 0), device(1, 2), device(2, 0), device(3, 0)];
  const found = { jids, refused: [lid(4)], unanswered: [lid(5), lid(3)] };
  const keyless = new Set([device(1, 2), device(2, 0)]);
  const members = [1, 2, 3, 4, 5, 6].map(lid);
  expect(missingMembers(members, found, { keyless, nameOf })).toEqual([
    { jid: nameOf(lid(1)), devices: [2], all: false },
    { jid: nameOf(lid(2)), devices: [0], all: true },
    { jid: nameOf(lid(4)), devices: [0], all: true },
    { jid: nameOf(lid(5)), devices: [0], all: true },
  ]);
});

it('does not hold the event loop for the largest group', () => {
  const members = Array.from({ length: MEMBERS }, (_, n) => lid(n));
  const jids = members.flatMap((_, n) => Array.from({ length: DEVICES }, (__, id) => device(n, id)));
  const found = { jids, refused: [], unanswered: [] };
  const startedAt = performance.now();
  expect(missingMembers(members, found, { keyless: new Set(), nameOf })).toEqual([]);
  // To compare each member with each device takes two seconds.
  expect(performance.now() - startedAt).toBeLessThan(250);
});
