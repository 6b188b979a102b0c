/** Looks up which numbers are on WhatsApp, by one directory query for many. */

import { type BinaryNode, USyncQuery, USyncUser, type WASocket } from '@whiskeysockets/baileys';
import { inBatches } from '../../db/batches.ts';
import type { NumberCheck } from '../engine.ts';
import { canonicalJid, lidOf, phoneOf } from '../jid.ts';

/** Numbers in one query; WhatsApp Web asks for its contacts in pieces of this order. */
const BATCH_SIZE = 50;

/**
 * One answer per phone, in order; a phone that the directory leaves out, or answers with an error, is missing. WhatsApp may know a number under another spelling (old mobile prefixes): the
 * contact in its answer repeats what was asked. Rejects when the query fails.
 */
export async function queryNumbers(sock: WASocket, phones: readonly string[]): Promise<NumberCheck[]> {
  const answers: NumberCheck[] = [];
  for await (const batch of inBatches(phones, BATCH_SIZE)) {
    answers.push(...(await queryBatch(sock, batch)));
  }
  return answers;
}

interface Answer {
  jid: string;
  lid: string | null;
  /** the digits that were asked for, as far as the answer repeats them */
  asked: string | null;
  /** null: no answer that says so */
  exists: boolean | null;
}

/** What WhatsApp's contact element says of a number; `invalid` is one that no country has. Anything else is an error. */
const SAYS: Readonly<Record<string, boolean>> = { in: true, out: false, invalid: false };

async function queryBatch(sock: WASocket, phones: readonly string[]): Promise<NumberCheck[]> {
  const query = new USyncQuery().withContext('interactive').withLIDProtocol();
  query.protocols.push(contactProtocol);
  for (const phone of phones) query.withUser(new USyncUser().withPhone(`+${phone}`));
  const result = await sock.executeUSyncQuery(query);
  if (!result) throw new Error('the directory did not answer');
  const answers = new Map<string, Answer>();
  for (const item of result.list) {
    const answer = readAnswer(item);
    answers.set(answer.asked ?? phoneOf(answer.jid) ?? answer.jid, answer);
  }
  return phones.flatMap((phone) => toCheck(phone, answers.get(phone)) ?? []);
}

/** Baileys' own protocol drops the number that the answer repeats. */
const contactProtocol: USyncQuery['protocols'][number] = {
  name: 'contact',
  getQueryElement: () => ({ tag: 'contact', attrs: {} }),
  getUserElement: (user) => ({ tag: 'contact', attrs: {}, content: user.phone ?? '' }),
  parser: (node: BinaryNode) => ({ type: node.attrs.type, asked: digitsOf(node.content) }),
};

function digitsOf(content: BinaryNode['content']): string | null {
  const text = content instanceof Uint8Array ? Buffer.from(content).toString() : content;
  return typeof text === 'string' && text !== '' ? text.replaceAll(/\D/g, '') : null;
}

function readAnswer(item: Record<string, unknown>): Answer {
  const contact = Object(item.contact);
  return {
    jid: String(item.id),
    lid: typeof item.lid === 'string' ? lidOf(item.lid) : null,
    asked: typeof contact.asked === 'string' ? contact.asked : null,
    exists: SAYS[String(contact.type)] ?? null,
  };
}

function toCheck(phone: string, answer: Answer | undefined): NumberCheck | null {
  if (!answer || answer.exists === null) return null;
  if (!answer.exists) return { phone, exists: false, jid: null, lid: null };
  return { phone, exists: true, jid: canonicalJid(answer.jid), lid: answer.lid };
}
