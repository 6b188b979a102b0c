import { EventEmitter } from 'node:events';
import {
  type BinaryNode,
  type GroupMetadata,
  getBinaryNodeChild,
  type WASocket,
} from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { readGroupNews } from '../../src/whatsapp/baileys/group-news.ts';
import { createGroupCache, listGroups } from '../../src/whatsapp/baileys/groups.ts';
import type { Link } from '../../src/whatsapp/baileys/link-types.ts';
import { missingMembers } from '../../src/whatsapp/baileys/prepare.ts';
import { createCallBook } from '../../src/whatsapp/baileys/presence.ts';
import { GROUP_REQUESTS, type RequestContext } from '../../src/whatsapp/baileys/requests/groups.ts';
import { cpuMsOf } from '../helpers/cpu-time.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

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

it('does not hold the event loop for the largest group', async () => {
  const members = Array.from({ length: MEMBERS }, (_, n) => lid(n));
  const jids = members.flatMap((_, n) => Array.from({ length: DEVICES }, (__, id) => device(n, id)));
  const found = { jids, refused: [], unanswered: [] };
  const tookMs = await cpuMsOf(() =>
    expect(missingMembers(members, found, { keyless: new Set(), nameOf })).toEqual([]),
  );
  // To compare each member with each device takes two seconds.
  expect(tookMs).toBeLessThan(250);
});

const contacts = { phoneOfLid: () => null } as unknown as Link['contacts'];
const node = (tag: string, attrs: Record<string, string>, content: BinaryNode[] = []): BinaryNode => ({
  tag,
  attrs,
  content,
});

it('tells of a group that was made, whatever WhatsApp refuses after that', async () => {
  const asked: BinaryNode[] = [];
  const refuse = () => Promise.reject(Object.assign(new Error('forbidden'), { data: 403 }));
  const answer = node('iq', {}, [
    node('group', { id: '120363', creation: '1767225600', creator: '1@lid' }, [
      node('participant', { jid: '1@lid', phone_number: '628111@s.whatsapp.net', type: 'superadmin' }),
      node('participant', { jid: '2@lid', error: '403' }),
      node('participant', { jid: '3@lid', phone_number: '628333@s.whatsapp.net' }),
    ]),
  ]);
  const sock = {
    user: { id: '628111:2@s.whatsapp.net', lid: '1:2@lid' },
    async query(stanza: BinaryNode) {
      asked.push(stanza);
      return answer;
    },
    groupMetadata: refuse,
    signalRepository: { lidMapping: { getLIDForPN: async () => '2@lid' } },
  };
  const link = {
    sock,
    contacts,
    clock: createManualClock(),
    closed: new AbortController().signal,
    groups: { forget: () => undefined, fetch: refuse },
  };
  const made = await GROUP_REQUESTS['group.create']({ link } as unknown as RequestContext, {
    subject: 'Baru',
    members: ['628222@s.whatsapp.net', '628333@s.whatsapp.net'],
    key: '3EB0AA',
  });
  expect(asked).toMatchObject([{ content: [{ tag: 'create', attrs: { subject: 'Baru', key: '3EB0AA' } }] }]);
  expect(made.group).toMatchObject({
    id: '120363@g.us',
    subject: 'Baru',
    createdAt: 1_767_225_600_000,
    role: 'owner',
    members: [
      { phone: '628111', role: 'owner' },
      { phone: '628333', role: 'member' },
    ],
  });
  expect(made.outcomes).toMatchObject([{ status: 'private', code: '403' }, { status: 'done' }]);
});

it('lists groups without their members, who may be hundreds of thousands', async () => {
  const asked: BinaryNode[] = [];
  const sock = {
    async query(stanza: BinaryNode) {
      asked.push(stanza);
      const groups = [
        node('group', { id: '2', subject: 'Zebra', size: '1024' }),
        node('group', { id: '1@g.us', subject: 'Anggrek', size: '3' }),
      ];
      return node('iq', {}, [node('groups', {}, groups)]);
    },
  };
  expect(await listGroups(sock as unknown as WASocket)).toEqual([
    { id: '1@g.us', subject: 'Anggrek', size: 3 },
    { id: '2@g.us', subject: 'Zebra', size: 1024 },
  ]);
  expect(asked.map(({ content }) => content)).toEqual([[{ tag: 'participating', attrs: {} }]]);
});

it('counts the members of a group that names no size, and tells none where there are no members either', async () => {
  const sizeOf = async (attrs: Record<string, string>, members: number) => {
    const people = Array.from({ length: members }, (_, n) => node('participant', { jid: lid(n) }));
    const group = node('group', { id: '1', ...attrs }, people);
    const sock = { query: async () => node('iq', {}, [node('groups', {}, [group])]) };
    return (await listGroups(sock as unknown as WASocket)).map(({ size }) => size);
  };
  for (const size of ['x', '', '-1', '1e3', '99999999999']) {
    expect([size, await sizeOf({ size }, 0)]).toEqual([size, [null]]);
    expect([size, await sizeOf({ size }, 2)]).toEqual([size, [2]]);
  }
  expect(await sizeOf({}, 0)).toEqual([null]);
  expect(await sizeOf({}, 3)).toEqual([3]);
  expect(await sizeOf({ size: '5' }, 3)).toEqual([5]);
});

it('reads no group again when the server says that groups have changed: each is read when it is needed', async () => {
  const told: string[] = [];
  const ws = new EventEmitter();
  ws.on('CB:ib,,dirty', (stanza: BinaryNode) =>
    told.push(`Baileys: ${getBinaryNodeChild(stanza, 'dirty')?.attrs.type}`),
  );
  const group = { id: '1@g.us', participants: [] } as unknown as GroupMetadata;
  const sock = {
    ws,
    ev: new EventEmitter(),
    groupMetadata: async () => {
      told.push('asked');
      return group;
    },
    cleanDirtyBits: async (type: string) => void told.push(`clean: ${type}`),
  } as unknown as WASocket;
  const groups = createGroupCache();
  groups.follow(sock);
  await groups.fetch(sock, '1@g.us');
  await groups.fetch(sock, '1@g.us');
  for (const type of ['groups', 'communities', 'account_sync']) {
    ws.emit('CB:ib,,dirty', node('ib', {}, [node('dirty', { type, timestamp: '1767225600' })]));
  }
  expect(groups.get('1@g.us')).toBeUndefined();
  await groups.fetch(sock, '1@g.us');
  expect(told).toEqual(['asked', 'clean: groups', 'clean: groups', 'Baileys: account_sync', 'asked']);
});

it('tells the end of a group from the end of its picture', () => {
  const told = (type: string) => {
    const attrs = { from: '120363@g.us', type, t: '1767225600' };
    return readGroupNews({ contacts }, node('notification', attrs, [node('delete', {})]), 0);
  };
  expect(told('picture')).toMatchObject([{ kind: 'updated', changes: { picture: 'removed' } }]);
  expect(told('w:gp2')).toMatchObject([{ kind: 'updated', changes: { ended: true } }]);
});

it('knows who rings, also where two callers chose one id, and forgets who has hung up', () => {
  const calls = createCallBook();
  expect([calls.begin('A', '1@lid'), calls.begin('A', '2@lid'), calls.begin('A', '1@lid')]).toEqual([
    true,
    true,
    false,
  ]);
  expect(calls.ringing('A').toSorted()).toEqual(['1@lid', '2@lid']);
  calls.end('A', '1@lid');
  expect(calls.ringing('A')).toEqual(['2@lid']);
  calls.end('A', '2@lid');
  expect(calls.ringing('A')).toEqual([]);
  expect(calls.begin('A', '2@lid')).toBe(false);
});
