import { describe, expect, it } from 'vitest';
import { readFailure, readStreamError } from '../../src/whatsapp/baileys/close-reason.ts';
import { createQuietLogger } from '../../src/whatsapp/baileys/quiet-logger.ts';
import { readReceipt } from '../../src/whatsapp/baileys/receipts.ts';
import {
  canonicalJid,
  isGroupJid,
  lidJid,
  lidOf,
  parseJid,
  phoneJid,
  phoneOf,
} from '../../src/whatsapp/jid.ts';
import { silentLogger } from '../helpers/engine.ts';

describe('a JID', () => {
  it.each([
    ['6281@s.whatsapp.net', 'phone', '6281', 0],
    ['6281:12@s.whatsapp.net', 'phone', '6281', 12],
    ['6281@c.us', 'phone', '6281', 0],
    ['123_1:3@lid', 'lid', '123', 3],
    ['123@hosted.lid', 'lid', '123', 0],
    ['123-456@g.us', 'group', '123-456', 0],
    ['status@broadcast', 'other', 'status', 0],
  ])('%s is taken apart', (jid, kind, user, device) => {
    expect(parseJid(jid)).toEqual({ kind, user, device });
  });

  it.each(['', 'x', '@lid', null, undefined])('%s is none', (jid) => {
    expect(parseJid(jid)).toBeNull();
  });

  it('has one spelling', () => {
    expect(canonicalJid('6281:4@c.us')).toBe('6281@s.whatsapp.net');
    expect(canonicalJid('99:4@hosted.lid')).toBe('99@lid');
    expect(canonicalJid('1@g.us')).toBe('1@g.us');
    expect([phoneJid('6281'), lidJid('99'), lidJid('99:2@lid')]).toEqual([
      '6281@s.whatsapp.net',
      '99@lid',
      '99@lid',
    ]);
    expect([phoneOf('1@lid'), lidOf('1@lid'), phoneOf('1:2@s.whatsapp.net')]).toEqual([null, '1', '1']);
    expect([isGroupJid('1@g.us'), isGroupJid('1@lid')]).toEqual([true, false]);
  });
});

describe('a receipt', () => {
  const receipt = (
    attrs: Record<string, string>,
    content?: { tag: string; attrs: Record<string, string> }[],
  ) =>
    readReceipt({
      tag: 'receipt',
      attrs: { id: 'A', from: '1@lid', t: '5', ...attrs },
      ...(content ? { content: [{ tag: 'list', attrs: {}, content }] } : {}),
    });

  it('names every message in it', () => {
    expect(receipt({}, [{ tag: 'item', attrs: { id: 'B' } }])).toEqual({
      ids: ['A', 'B'],
      from: '1@lid',
      status: 'delivered',
      at: 5000,
    });
  });

  it('names each message once, a thousand at most, and none by an id without end', () => {
    const item = (id: string) => ({ tag: 'item', attrs: { id } });
    expect(receipt({}, ['B', 'A', 'B', 'x'.repeat(129)].map(item))?.ids).toEqual(['A', 'B']);
    const many = Array.from({ length: 10_000 }, (_, n) => item(`${n}`));
    expect(receipt({}, many)?.ids).toHaveLength(1_000);
  });

  it.each([
    ['inactive', 'delivered'],
    ['read', 'read'],
    ['played', 'read'],
    ['retry', 'sent'],
    ['sender', 'sent'],
  ])('of type %s proves %s', (type, status) => {
    expect(receipt({ type })?.status).toBe(status);
  });

  it.each(['read-self', 'hist_sync', 'peer_msg', 'server-error'])('of type %s is not about ours', (type) => {
    expect(receipt({ type })).toBeNull();
  });
});

describe('the last word of the server', () => {
  it('is its code, or its conflict', () => {
    expect(readFailure({ tag: 'failure', attrs: { reason: '403' } })).toEqual({ code: 403, conflict: null });
    expect(readFailure({ tag: 'failure', attrs: {} }).code).toBe(500);
    const conflict = { tag: 'conflict', attrs: { type: 'replaced' } };
    expect(readStreamError({ tag: 'stream:error', attrs: {}, content: [conflict] })).toEqual({
      code: 440,
      conflict: 'replaced',
    });
    expect(
      readStreamError({ tag: 'stream:error', attrs: {}, content: [{ tag: 'ack', attrs: {} }] }).code,
    ).toBe(500);
  });
});

describe('what Baileys logs', () => {
  it('becomes sentences without objects, numbers and ids', () => {
    const lines: string[] = [];
    const logger = createQuietLogger({ ...silentLogger, debug: (line) => void lines.push(line) });
    logger.child({ class: 'x' }).error({ key: 'secret' }, 'failed for 6281100000001');
    logger.warn('Invalid LID-PN mapping: 123456789012@lid');
    logger.warn({ key: 'secret' });
    logger.info({ key: 'secret' }, 'not told');
    expect(lines).toEqual(['baileys: failed for …', 'baileys: Invalid LID-PN mapping: …@lid']);
  });
});
