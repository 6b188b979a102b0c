/** Files that WhatsApp's servers have no more: the phone puts them there again. */
import {
  type BaileysEventMap,
  decryptMediaRetryData,
  encryptMediaRetryRequest,
  proto,
} from '@whiskeysockets/baileys';
import { AppError } from '../../../utils/errors.ts';
import { isGroupJid } from '../../jid.ts';
import type { EngineRequests } from '../../requests.ts';
import { withBound } from '../bound.ts';
import type { Link } from '../link-types.ts';
import { lidFirst } from './chats.ts';
import type { RequestContext } from './groups.ts';

type Handlers = {
  [N in Extract<keyof EngineRequests, `media.${string}`>]: (
    of: RequestContext,
    input: EngineRequests[N]['input'],
  ) => Promise<EngineRequests[N]['output']>;
};

type Answer = BaileysEventMap['messages.media-update'][number];

const { ResultType } = proto.MediaRetryNotification;
/** The phone answers within seconds, or is away. Shorter than what the asker waits for. */
const PHONE_TIMEOUT_MS = 20_000;
/** Codes of a refusal as Baileys reads them: the phone does not have it, or cannot open what was asked. */
const NOT_THERE: ReadonlySet<number> = new Set([404, 412]);
const MAX_PATH = 2_048;

export const MEDIA_REQUESTS: Handlers = {
  async 'media.again'({ link }, { messageId, chat, fromMe, participant, mediaKey }) {
    const { sock } = link;
    const me = sock.authState.creds.me?.id;
    if (!me) throw new AppError('UNAVAILABLE', 'The session is not linked.');
    const remoteJid = isGroupJid(chat) ? chat : await lidFirst(link, chat);
    const key = { id: messageId, remoteJid, fromMe, ...(participant === null ? {} : { participant }) };
    const secret = Buffer.from(mediaKey, 'base64');
    const answer = await askPhone(link, messageId, () =>
      sock.sendNode(encryptMediaRetryRequest(key, secret, me)),
    );
    const directPath = await readAnswer(answer, secret, messageId);
    if (directPath === null) return { place: null };
    const [host] = (await sock.refreshMediaConn(false)).hosts;
    return { place: { directPath, url: host ? `https://${host.hostname}${directPath}` : null } };
  },
};

/** Throws UNAVAILABLE when no answer comes. */
async function askPhone(link: Link, messageId: string, ask: () => Promise<void>): Promise<Answer> {
  const { ev } = link.sock;
  let stop = () => {};
  const answered = new Promise<Answer>((resolve) => {
    const listen = (answers: Answer[]) => {
      const answer = answers.find(({ key }) => key.id === messageId);
      if (answer) resolve(answer);
    };
    ev.on('messages.media-update', listen);
    stop = () => ev.off('messages.media-update', listen);
  });
  try {
    await ask();
    const bound = await withBound(link.clock, answered, PHONE_TIMEOUT_MS, link.closed);
    if (bound?.done) return bound.value;
    throw new AppError('UNAVAILABLE', 'The phone did not answer in time: it may be off.');
  } finally {
    stop();
  }
}

/** Where the file is now; null when the phone does not have it. Throws UNAVAILABLE for any other failure. */
async function readAnswer(answer: Answer, secret: Buffer, messageId: string): Promise<string | null> {
  const failed = () => new AppError('UNAVAILABLE', 'The phone could not put the file there again.');
  if (answer.error || !answer.media) {
    if (NOT_THERE.has(answer.error?.output.statusCode ?? 0)) return null;
    throw failed();
  }
  const { result, directPath } = await decryptMediaRetryData(answer.media, secret, messageId);
  if (result === ResultType.NOT_FOUND || result === ResultType.DECRYPTION_ERROR) return null;
  if (result !== ResultType.SUCCESS || !directPath?.startsWith('/') || directPath.length > MAX_PATH) {
    throw failed();
  }
  return directPath;
}
