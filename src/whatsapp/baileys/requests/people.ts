/** Requests about people, over one socket. They reject with AppError where WhatsApp refuses. */
import { buffer } from 'node:stream/consumers';
import { USyncQuery, USyncUser } from '@whiskeysockets/baileys';
import { inBatches } from '../../../db/batches.ts';
import { AppError } from '../../../utils/errors.ts';
import { MediaFailure } from '../../inbound-media.ts';
import type { BlockedPerson, EngineRequests } from '../../requests.ts';
import { type RequestContext, toPerson } from './groups.ts';
import { explainPersonRefusal, refusalCode } from './refusal.ts';

type Handlers = {
  [N in Extract<keyof EngineRequests, `person.${string}` | `block.${string}`>]: (
    of: RequestContext,
    input: EngineRequests[N]['input'],
  ) => Promise<EngineRequests[N]['output']>;
};

/** WhatsApp's own pictures of 640 pixels are smaller. */
const MAX_PICTURE_BYTES = 512 * 1024;
const MAX_TEXT = 4_096;
const MAX_WEBSITES = 10;
/** More people than anybody blocks by hand. */
const MAX_BLOCKED = 10_000;
/** People who are read in one turn of the event loop. */
const READ_AT_ONCE = 500;
/** No picture, or none for this session. */
const NO_PICTURE: ReadonlySet<number> = new Set([401, 404]);

export const PEOPLE_REQUESTS: Handlers = {
  async 'person.picture'({ link, fetchPlain }, { jid }) {
    const url = await link.sock.profilePictureUrl(jid, 'image').catch((error: unknown) => {
      if (NO_PICTURE.has(refusalCode(error) ?? 0)) return undefined;
      throw explainPersonRefusal(error) ?? error;
    });
    if (!url) return { jpeg: null };
    try {
      const picture = await buffer(await fetchPlain(url, MAX_PICTURE_BYTES));
      return { jpeg: picture.toString('base64') };
    } catch (error) {
      // Taken away meanwhile, or more than a picture.
      if (error instanceof MediaFailure && error.kind !== 'unavailable') return { jpeg: null };
      throw error;
    }
  },
  async 'person.about'({ link }, { jid }) {
    const query = new USyncQuery().withStatusProtocol().withUser(new USyncUser().withId(jid));
    const result = await explained(() => link.sock.executeUSyncQuery(query));
    const told = Object(result?.list[0]?.status);
    const about = typeof told.status === 'string' && told.status !== '' ? told.status : null;
    const setAt = told.setAt instanceof Date ? told.setAt.getTime() : 0;
    return { about: about?.slice(0, MAX_TEXT) ?? null, setAt: about !== null && setAt > 0 ? setAt : null };
  },
  async 'person.business'({ link }, { jid }) {
    const profile = await explained(() => link.sock.getBusinessProfile(jid));
    if (!profile?.wid) return null;
    const text = (value: unknown) =>
      typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : null;
    return {
      description: text(profile.description),
      category: text(profile.category),
      email: text(profile.email),
      websites: profile.website.slice(0, MAX_WEBSITES).flatMap((site) => text(site) ?? []),
      address: text(profile.address),
    };
  },
  async 'block.list'({ link }) {
    const blocked = await explained(() => link.sock.fetchBlocklist());
    const people: BlockedPerson[] = [];
    for await (const piece of inBatches(blocked.slice(0, MAX_BLOCKED), READ_AT_ONCE)) {
      people.push(...piece.flatMap((jid) => (jid ? [toPerson(link, { jid })] : [])));
    }
    return { people, truncated: blocked.length > MAX_BLOCKED };
  },
  async 'block.set'({ link }, { jid, block }) {
    try {
      await link.sock.updateBlockStatus(jid, block ? 'block' : 'unblock');
    } catch (error) {
      const failure = explainPersonRefusal(error);
      if (failure) throw failure;
      // Baileys' own, before anything was asked: one of the two names of the person is not known.
      if (error instanceof Error && /resolve/.test(error.message)) {
        throw new AppError('NOT_ON_WHATSAPP', 'WhatsApp does not know this person.');
      }
      throw error;
    }
    return null;
  },
};

async function explained<R>(ask: () => Promise<R>): Promise<R> {
  try {
    return await ask();
  } catch (error) {
    throw explainPersonRefusal(error) ?? error;
  }
}
