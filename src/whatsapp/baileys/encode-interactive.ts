/** Buttons and lists: as a numbered text that every phone shows, or as WhatsApp's native flow. */
import type { BinaryNode, proto } from '@whiskeysockets/baileys';
import type { ButtonsContent, ListContent, OfferButton } from '../content.ts';
import { buttonsAsText, listAsText } from '../interactive-text.ts';

interface Encoded {
  message: proto.IMessage;
  additionalNodes?: BinaryNode[];
}

/** Without it phones show nothing. The values are those of WhatsApp's own client. */
const NATIVE_FLOW_NODE: BinaryNode = {
  tag: 'biz',
  attrs: {},
  content: [
    {
      tag: 'interactive',
      attrs: { type: 'native_flow', v: '1' },
      content: [{ tag: 'native_flow', attrs: { v: '9', name: 'mixed' } }],
    },
  ],
};

export function encodeButtons(content: ButtonsContent): Encoded {
  if (content.rendering === 'text') return asText(buttonsAsText(content));
  return asNativeFlow(content, content.buttons.map(nativeButton));
}

/** By WhatsApp's own names of what a button does. */
function nativeButton({ text, id, url, phone, code }: OfferButton): { name: string; params: unknown } {
  const display_text = text;
  if (url !== undefined) return { name: 'cta_url', params: { display_text, url, merchant_url: url } };
  if (phone !== undefined) return { name: 'cta_call', params: { display_text, phone_number: `+${phone}` } };
  if (code !== undefined) return { name: 'cta_copy', params: { display_text, copy_code: code } };
  return { name: 'quick_reply', params: { display_text, id } };
}

export function encodeList(content: ListContent): Encoded {
  if (content.rendering === 'text') return asText(listAsText(content));
  const sections = content.sections.map(({ title = '', rows }) => ({
    title,
    rows: rows.map(({ id, title: label, description = '' }) => ({ id, title: label, description })),
  }));
  return asNativeFlow(content, [{ name: 'single_select', params: { title: content.buttonText, sections } }]);
}

function asText(text: string): Encoded {
  return { message: { extendedTextMessage: { text } } };
}

function asNativeFlow(
  { text, title, footer }: { text: string; title?: string; footer?: string },
  buttons: readonly { name: string; params: unknown }[],
): Encoded {
  return {
    message: {
      interactiveMessage: {
        body: { text },
        ...(title === undefined ? {} : { header: { title, hasMediaAttachment: false } }),
        ...(footer === undefined ? {} : { footer: { text: footer } }),
        nativeFlowMessage: {
          buttons: buttons.map(({ name, params }) => ({ name, buttonParamsJson: JSON.stringify(params) })),
          messageParamsJson: '{}',
          messageVersion: 1,
        },
      },
    },
    additionalNodes: [NATIVE_FLOW_NODE],
  };
}
