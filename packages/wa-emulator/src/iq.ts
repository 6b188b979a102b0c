import type { BinaryNode } from '@whiskeysockets/baileys';
import { answerAppState } from './app-state.ts';
import type { Connection } from './connection.ts';
import type { Device } from './devices.ts';
import type { IqAnswer } from './iq-answer.ts';
import { answerGroupQuery } from './iq-groups.ts';
import { answerKeyQuery, storeKeys } from './iq-keys.ts';
import { answerUsync } from './iq-usync.ts';
import { SERVER_JID } from './jids.ts';
import { goLive } from './live.ts';
import { child, node } from './nodes.ts';
import { takeCodeStanza } from './pairing-code.ts';
import { takePasskeyStanza } from './passkey.ts';
import { answerBlocklist, answerBusiness } from './people.ts';
import { answerPicture } from './pictures.ts';
import { answerMex } from './standing.ts';
import { unlinkDevice } from './unlink.ts';
import type { World } from './world.ts';

interface IqRequest {
  world: World;
  connection: Connection;
  device: Device;
  stanza: BinaryNode;
}

/** Seconds that it is good for, and limits which clients read but need not keep to. */
const MEDIA_CONNECTION = {
  ttl: '300',
  auth_ttl: '300',
  max_buckets: '12',
  max_manual_retry: '3',
  max_auto_retry: '3',
};
const PRIVACY_CATEGORIES = [
  'readreceipts',
  'last',
  'online',
  'profile',
  'status',
  'groupadd',
  'calladd',
  'messages',
];

/** Answers by `xmlns`; what is not here gets an empty result, as most settings do. */
const HANDLERS: Record<string, (request: IqRequest) => IqAnswer> = {
  encrypt: ({ world, device, stanza }) =>
    stanza.attrs.type === 'set' ? storeKeys(world, device, stanza) : answerKeyQuery(world, device, stanza),
  usync: ({ world, stanza }) => answerUsync(world, stanza),
  'w:g2': ({ world, device, stanza }) => answerGroupQuery(world, device, stanza),
  abt: () => [node('props', { protocol: '1', hash: 'emulated', refresh: '86400' })],
  blocklist: ({ world, device, stanza }) => answerBlocklist(world, device, stanza),
  'w:biz': ({ world, stanza }) => answerBusiness(world, stanza),
  privacy: ({ stanza }) => (stanza.attrs.type === 'get' ? privacySettings() : []),
  'w:sync:app:state': ({ world, device, stanza }) => answerAppState(world, device, stanza),
  'w:m': ({ world }) => mediaConnection(world),
  'w:mex': ({ world, device, stanza }) => answerMex(world, device.phone, stanza),
  'w:profile:picture': ({ world, device, stanza }) => answerPicture(world, device, stanza),
};

/** Answers one iq of a client, after the delay a fault may ask for. */
export function answerIq(world: World, connection: Connection, stanza: BinaryNode): void {
  const delayMs = connection.device ? world.faults.slowIqMs.get(connection.device.phone) : 0;
  world.timers.after(delayMs, () => {
    // Carried out even when the client has hung up meanwhile, as after a logout.
    const answer = decide(world, connection, stanza);
    if (answer === 'silence') {
      return;
    }
    connection.send(renderAnswer(stanza, answer));
    afterwards(world, connection, stanza, answer);
  });
}

function decide(world: World, connection: Connection, stanza: BinaryNode): IqAnswer {
  if (child(stanza, 'link_code_companion_reg')) {
    return takeCodeStanza(world, connection, stanza) ?? { code: 400, text: 'bad-request' };
  }
  const passkey = takePasskeyStanza(world, world.pairing.byConnection.get(connection), stanza);
  if (passkey) return passkey;
  const { device } = connection;
  const handler = HANDLERS[stanza.attrs.xmlns ?? ''];
  return device && handler ? handler({ world, connection, device, stanza }) : [];
}

function renderAnswer({ attrs }: BinaryNode, answer: Exclude<IqAnswer, 'silence'>): BinaryNode {
  const head = { from: attrs.to ?? SERVER_JID, id: attrs.id };
  return Array.isArray(answer)
    ? node('iq', { ...head, type: 'result' }, answer.length > 0 ? answer : undefined)
    : node('iq', { ...head, type: 'error' }, [
        node('error', { code: String(answer.code), text: answer.text }),
      ]);
}

/** Work that an iq starts once it is answered. */
function afterwards(world: World, connection: Connection, stanza: BinaryNode, answer: IqAnswer): void {
  const { device } = connection;
  if (!device || !Array.isArray(answer)) {
    return;
  }
  if (stanza.attrs.xmlns === 'passive' && child(stanza, 'active') && connection.isOpen) {
    goLive(world, connection, device);
  } else if (stanza.attrs.xmlns === 'md' && child(stanza, 'remove-companion-device')) {
    unlinkDevice(world, device);
  }
}

function privacySettings(): BinaryNode[] {
  const categories = PRIVACY_CATEGORIES.map((name) => node('category', { name, value: 'all' }));
  return [node('privacy', {}, categories)];
}

function mediaConnection(world: World): BinaryNode[] {
  const { auth, host } = world.media;
  return [
    node('media_conn', { ...MEDIA_CONNECTION, auth }, [node('host', { hostname: host, type: 'primary' })]),
  ];
}
