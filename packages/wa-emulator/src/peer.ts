import { type BinaryNode, proto, unpadRandomMax16 } from '@whiskeysockets/baileys';
import { type Device, deviceKey } from './devices.ts';
import { sendPeerMessage } from './live.ts';
import { bytesOf, child, children } from './nodes.ts';
import type { World } from './world.ts';

const { ProtocolMessage, PeerDataOperationRequestType } = proto.Message;

/** A message that only its phone has, because the server gave its devices a placeholder. */
export type Withheld = proto.IWebMessageInfo;

/** A device asks its own phone for something: the phone hands in the messages behind placeholders. */
export async function takePeerMessage(world: World, device: Device, stanza: BinaryNode): Promise<void> {
  const parts = [
    child(stanza, 'enc'),
    ...children(child(stanza, 'participants'), 'to').map((to) => child(to, 'enc')),
  ];
  for (const part of parts) {
    if (!part) continue;
    const plaintext = await world.parties
      .of(device.phone)
      .decrypt(deviceKey(device), part.attrs.type ?? '', bytesOf(part));
    const message = proto.Message.decode(unpadRandomMax16(plaintext));
    // Some clients wrap what they ask as any message to their own devices.
    const { protocolMessage } = message.deviceSentMessage?.message ?? message;
    const request = protocolMessage?.peerDataOperationRequestMessage;
    const asked = request?.placeholderMessageResendRequest ?? [];
    const found = asked.flatMap(({ messageKey }) => world.withheld.get(messageKey?.id ?? '') ?? []);
    if (found.length > 0) await handIn(world, device, stanza.attrs.id ?? '', found);
  }
}

function handIn(world: World, device: Device, requestId: string, found: readonly Withheld[]): Promise<void> {
  return sendPeerMessage(world, device, false, {
    type: ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
    peerDataOperationRequestResponseMessage: {
      stanzaId: requestId,
      peerDataOperationRequestType: PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
      peerDataOperationResult: found.map((one) => ({
        placeholderMessageResendResponse: {
          webMessageInfoBytes: proto.WebMessageInfo.encode(one).finish(),
        },
      })),
    },
  });
}
