import type { Socket } from 'node:net';
import type { GroupMetadata, WAMessage } from '@whiskeysockets/baileys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, type Group, startEmulator } from '../src/index.ts';
import { lidJid, pnJid } from '../src/jids.ts';
import { type BareClient, connectBareClient, until } from './bare-client.ts';

const PHONE = '6281100000051';
const MEMBERS = ['6281200005001', '6281200005002', '6281200005003'];
let emulator: Emulator;
let client: BareClient;
/** What the client need not ask for while its writes are held back. */
const known = new Map<string, GroupMetadata>();

beforeAll(async () => {
  emulator = await startEmulator();
  client = await connectBareClient({
    emulator,
    phone: PHONE,
    config: { cachedGroupMetadata: async (jid) => known.get(jid) },
  });
});

afterAll(async () => {
  await client.close();
  await emulator.stop();
});

/** What the client writes until the answer is called leaves then, in one piece. */
function holdWrites({ sock }: BareClient): () => void {
  // Baileys' wrapper hides the socket that it writes to.
  const socket = (sock.ws as unknown as { socket: { _socket: Socket } }).socket._socket;
  const { write } = socket;
  const held: Uint8Array[] = [];
  const hold = (chunk: Uint8Array, done?: () => void) => {
    held.push(chunk);
    done?.();
    return true;
  };
  Object.assign(socket, { write: hold });
  return () => {
    Object.assign(socket, { write });
    socket.write(Buffer.concat(held));
  };
}

describe.each(['lid', 'pn'] as const)('a group addressed by %s', (addressing) => {
  let group: Group;

  beforeAll(() => {
    group = emulator.createGroup({ subject: 'Keluarga', participants: [PHONE, ...MEMBERS], addressing });
  });

  it('is described to its members and listed', async () => {
    const metadata = await client.sock.groupMetadata(group.id);
    expect(metadata).toMatchObject({
      id: group.id,
      subject: 'Keluarga',
      size: 4,
      addressingMode: addressing,
    });
    const jidOf = addressing === 'lid' ? lidJid : pnJid;
    expect(metadata.participants.map(({ id }) => id)).toEqual(
      [PHONE, ...MEMBERS].map((phone) => jidOf(phone)),
    );
    expect(Object.keys(await client.sock.groupFetchAllParticipating())).toContain(group.id);
  });

  it('brings messages to every member, also the second one under the same sender key', async () => {
    for (const text of ['satu', 'dua']) {
      const id = await client.send(group.id, text);
      expect(await client.waitAck(id)).toBeUndefined();
      const entries = await until('all members', () => {
        const found = emulator.messages({ id }).filter((entry) => entry.readAt);
        return found.length === MEMBERS.length && found;
      });
      expect(entries.map(({ to }) => to).sort()).toEqual(MEMBERS);
      for (const entry of entries) {
        expect(entry).toMatchObject({ from: PHONE, group: group.id, type: 'text', text, copies: 1 });
      }
    }
  });

  it("lets the owner's phone read two that bring the key and come at once", async () => {
    known.set(group.id, await client.sock.groupMetadata(group.id));
    const release = holdWrites(client);
    const ids: string[] = [];
    for (const text of ['tiga', 'empat']) {
      await client.sock.authState.keys.set({ 'sender-key-memory': { [group.id]: null } });
      ids.push(await client.send(group.id, text));
    }
    release();
    const entries = await until('both of all members', () => {
      const found = ids
        .flatMap((id) => emulator.messages({ id }))
        .filter(({ ownCopy }) => ownCopy !== undefined);
      return found.length === 2 * MEMBERS.length && found;
    });
    expect(entries.filter(({ ownCopy, refused }) => !ownCopy || refused)).toEqual([]);
    known.clear();
  });

  it('asks for the sender key again when a member lost it', async () => {
    const member = MEMBERS[0] ?? '';
    emulator.setRule({ number: member, behaviour: 'retry:1' });
    const id = await client.send(group.id, 'sekali lagi');
    await until('the resend', () => emulator.messages({ id, to: member })[0]?.text);
    expect(emulator.messages({ id, to: member })[0]).toMatchObject({ refused: 1, text: 'sekali lagi' });
  });

  it('carries messages of its members to the session', async () => {
    const inbox: WAMessage[] = [];
    client.sock.ev.on('messages.upsert', ({ messages }) => void inbox.push(...messages));
    for (const text of ['halo grup', 'lagi']) {
      const { ids } = await emulator.deliver({ to: PHONE, from: MEMBERS[1] ?? '', group: group.id, text });
      const message = await until('the message', () => inbox.find(({ key }) => key.id === ids[0]));
      expect(message.message?.conversation).toBe(text);
      expect(message.key).toMatchObject({ remoteJid: group.id, fromMe: false });
      await until('the receipt', () => emulator.inbound({ id: ids[0] })[0]?.receivedAt);
    }
    await until('nothing left', () => emulator.sessions()[0]?.pending === 0);
  });
});

describe('group changes by the client', () => {
  it('creates, renames, changes members and leaves', async () => {
    const made = await client.sock.groupCreate('Baru', [pnJid(MEMBERS[0] ?? '')]);
    expect(made.subject).toBe('Baru');
    await client.sock.groupUpdateSubject(made.id, 'Lama');
    await client.sock.groupParticipantsUpdate(made.id, [pnJid(MEMBERS[1] ?? '')], 'add');
    await client.sock.groupParticipantsUpdate(made.id, [pnJid(MEMBERS[0] ?? '')], 'remove');
    expect(emulator.groups().find(({ id }) => id === made.id)).toMatchObject({
      subject: 'Lama',
      participants: [PHONE, MEMBERS[1]],
    });
    await client.sock.groupLeave(made.id);
    await expect(client.sock.groupMetadata(made.id)).rejects.toThrow(/forbidden/);
  });

  it('is refused for a group that does not exist', async () => {
    await expect(client.sock.groupMetadata('120363000000000000@g.us')).rejects.toThrow(/item-not-found/);
  });
});

describe('a channel', () => {
  it('is shown with the role of who asks, and takes the posts of its owner alone', async () => {
    const own = emulator.createChannel({ name: 'Kabar', owner: PHONE, followers: MEMBERS });
    const other = emulator.createChannel({ name: 'Lain', owner: MEMBERS[0] ?? '', followers: [PHONE] });
    const found: unknown = await client.sock.newsletterMetadata('jid', own.id);
    expect(found).toMatchObject({
      ...{ id: own.id, thread_metadata: { name: { text: 'Kabar' }, subscribers_count: '4' } },
      viewer_metadata: { role: 'OWNER' },
    });
    await expect(client.sock.newsletterMetadata('jid', '120363400000000000@newsletter')).rejects.toThrow(
      /Not Found/,
    );
    const id = await client.send(own.id, 'satu');
    expect(await client.waitAck(id)).toBeUndefined();
    const [post] = emulator.messages({ group: own.id });
    expect(post).toMatchObject({ id, from: PHONE, to: own.id, type: 'text', text: 'satu', copies: 1 });
    expect(await client.waitAck(await client.send(other.id, 'dua'))).toBe('403');
    expect(emulator.channels().map(({ name }) => name)).toEqual(['Kabar', 'Lain']);
    emulator.removeChannel({ id: other.id });
    expect(() => emulator.removeChannel({ id: other.id })).toThrow(/no channel/);
  });
});
