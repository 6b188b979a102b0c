/** Our content as the protobuf message that goes out. */
import type { BinaryNode, proto } from '@whiskeysockets/baileys';
import type { Content, ContentType } from '../content.ts';

/** What this adapter can send; the capability table is made from it. */
export const CONTENT_TYPES: readonly ContentType[] = ['text'];

export interface EncodedContent {
  message: proto.IMessage;
  /** stanza children besides the ciphertext */
  additionalNodes: BinaryNode[];
}

/** The same content gives the same message, so that a resend shows what the first attempt would have shown. */
export function encodeContent(content: Content): EncodedContent {
  switch (content.type) {
    case 'text':
      return { message: { extendedTextMessage: { text: content.text } }, additionalNodes: [] };
  }
}
