/** Messages that could not be opened and that our phone hands in when it was asked for them. */
import { type BinaryNode, proto, unpadRandomMax16, writeRandomPadMax16 } from '@whiskeysockets/baileys';
import { isSharedJid, phoneJid } from '../jid.ts';

/** Messages that one answer of the phone may hold. */
const MAX_HANDED_IN = 100;

const { PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE } = proto.Message.ProtocolMessage.Type;

/** A message as the phone has it. */
export interface Resent {
  /** the attributes with which it would have come */
  stanza: BinaryNode;
  /** not padded */
  payload: Uint8Array;
}

export interface Answer {
  resent: Resent[];
  /** the padded answer without them: Baileys would tell of them again, by their ids alone */
  rest: Uint8Array;
}

/** Reads an answer of the phone, padded; null for everything else that it tells its devices. `me`: E.164 digits. */
export function readAnswer(padded: Uint8Array, me: string | null): Answer | null {
  const answer = answerIn(padded);
  if (!answer) return null;
  const results = (answer.peerDataOperationResult ?? []).slice(0, MAX_HANDED_IN);
  const resent = results.flatMap(({ placeholderMessageResendResponse }) => {
    const bytes = placeholderMessageResendResponse?.webMessageInfoBytes;
    return (bytes && me !== null && resentOf(bytes, phoneJid(me))) || [];
  });
  const protocolMessage = {
    type: PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
    peerDataOperationRequestResponseMessage: { ...answer, peerDataOperationResult: [] },
  };
  return { resent, rest: writeRandomPadMax16(proto.Message.encode({ protocolMessage }).finish()) };
}

function answerIn(padded: Uint8Array) {
  try {
    const whole = proto.Message.decode(unpadRandomMax16(padded));
    const { protocolMessage } = whole.deviceSentMessage?.message ?? whole;
    return protocolMessage?.peerDataOperationRequestResponseMessage ?? null;
  } catch {
    return null;
  }
}

/** Null for what is no message of a conversation: its placeholder stays. */
function resentOf(bytes: Uint8Array, me: string): Resent | null {
  try {
    const info = proto.WebMessageInfo.decode(bytes);
    const stanza = stanzaOf(info, me);
    return stanza && info.message ? { stanza, payload: proto.Message.encode(info.message).finish() } : null;
  } catch {
    return null;
  }
}

function stanzaOf({ key, messageTimestamp, pushName }: proto.IWebMessageInfo, me: string): BinaryNode | null {
  const { id, remoteJid, fromMe, participant } = key ?? {};
  if (!id || !remoteJid) return null;
  const common = {
    id,
    t: String(messageTimestamp ?? ''),
    ...(pushName ? { notify: pushName } : {}),
  };
  if (isSharedJid(remoteJid)) {
    const author = fromMe ? me : participant;
    return author ? { tag: 'message', attrs: { ...common, from: remoteJid, participant: author } } : null;
  }
  const whose = fromMe ? { from: me, recipient: remoteJid } : { from: remoteJid };
  return { tag: 'message', attrs: { ...common, ...whose } };
}
