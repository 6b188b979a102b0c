/** Profile pictures of people and groups. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Device } from './devices.ts';
import { tell } from './group-changes.ts';
import type { Group } from './groups.ts';
import type { IqAnswer } from './iq-answer.ts';
import { parseJid } from './jids.ts';
import { bytesOf, child, node, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

const NOT_FOUND: IqAnswer = { code: 404, text: 'item-not-found' };
const FORBIDDEN: IqAnswer = { code: 403, text: 'forbidden' };
const NOT_ACCEPTABLE: IqAnswer = { code: 406, text: 'not-acceptable' };
const MAX_BYTES = 1_000_000;

/** Of whom a picture is: a phone number or a group's JID. */
export interface Picture {
  id: string;
  data: Buffer;
}

/** Answers `w:profile:picture`: who has which picture, and a change of one's own or a group's. */
export function answerPicture(world: World, device: Device, stanza: BinaryNode): IqAnswer {
  const target = parseJid(stanza.attrs.target);
  const group = target.kind === 'group' ? world.groups.get(target.id) : undefined;
  if (target.kind === 'group' && !group) return NOT_FOUND;
  if (group && !group.participants.includes(device.phone)) return FORBIDDEN;
  const of = group?.id ?? (target.kind === 'user' ? target.phone : device.phone);
  const picture = child(stanza, 'picture');
  if (stanza.attrs.type === 'get') return readPicture(world, of, picture?.attrs.type ?? 'image');
  if (group?.locked && !group.admins.includes(device.phone)) return FORBIDDEN;
  if (!group && of !== device.phone) return FORBIDDEN;
  const data = bytesOf(picture);
  if (data.length > MAX_BYTES) return NOT_ACCEPTABLE;
  const id = setPicture(world, of, data.length === 0 ? null : data);
  if (group) tellPicture(world, group, device.phone, id);
  return id === null ? [] : [node('picture', { id })];
}

function tellPicture(world: World, group: Group, by: string, id: string | null): void {
  const change = id === null ? node('delete') : node('set', { id });
  tell(world, group, by, node('picture', {}, [change]));
}

/** The picture of a person, or of a group, whose members are told as if its creator had set it. Answers its id. */
export function playPicture(world: World, of: string, data: Buffer | null): string | null {
  const id = setPicture(world, of, data);
  const group = world.groups.get(of);
  if (group) tellPicture(world, group, group.creator, id);
  return id;
}

/** Gives somebody a picture, or none; answers its id. */
function setPicture(world: World, of: string, data: Buffer | null): string | null {
  if (data === null) {
    world.pictures.delete(of);
    return null;
  }
  const id = unixSeconds();
  world.pictures.set(of, { id, data });
  return id;
}

function readPicture(world: World, of: string, type: string): IqAnswer {
  const picture = world.pictures.get(of);
  if (!picture) return NOT_FOUND;
  return [node('picture', { id: picture.id, type, url: world.media.show(picture.data) })];
}
