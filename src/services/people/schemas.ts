/** The inputs and outputs of the verbs about chats, people, presence and calls. */
import { z } from 'zod';
import { cleanName } from '../../utils/text.ts';
import { TYPING_STATES } from '../../whatsapp/requests.ts';
import { cursorQuery } from '../fields.ts';
import { MessageOutput, RecipientInput } from '../messages/schemas.ts';

export const ChatName = RecipientInput.describe(
  'a number in any usual spelling, a LID or a group (`…@g.us`)',
);
export const ContactName = RecipientInput.describe('a number in any usual spelling, or a LID');

export const PageInput = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  ...cursorQuery,
});
export type PageInput = z.output<typeof PageInput>;

export const ChatStateOutput = z
  .object({
    archived: z.boolean(),
    pinned: z.boolean(),
    muted: z.boolean(),
    mutedUntil: z.iso.datetime().nullable().describe('null: not muted, or until somebody ends it'),
    markedUnread: z.boolean().describe('marked as unread by hand'),
  })
  .meta({ id: 'ChatState' });

const labelShape = {
  label: z.string().describe("WhatsApp's id of the label"),
  name: z.string(),
  color: z.int().describe('number of a colour of WhatsApp, from 0'),
};
export const LabelOutput = z.object(labelShape).meta({ id: 'Label' });
export const CountedLabelOutput = z
  .object({
    ...labelShape,
    chats: z.int().describe('chats that it is on'),
    messages: z.int().describe('messages that it is on'),
  })
  .meta({ id: 'CountedLabel' });
export const LabelUseOutput = z.object({
  chat: z.string().describe('JID of the chat'),
  number: z.string().describe('`to` of a message: E.164 with `+`, or the JID'),
  messageId: z.string().nullable().describe('null: it is on the chat'),
});

/** Of characters that are seen. */
const LabelName = z
  .string()
  .overwrite((name) => cleanName(name, 1_000) ?? '')
  .min(1)
  .max(100);
/** WhatsApp Business has 20. */
const Color = z.int().min(0).max(19);
export const LabelId = z.string().min(1).max(32);
export const CreateLabelInput = z.object({ name: LabelName, color: Color.default(0) });
export type CreateLabelInput = z.output<typeof CreateLabelInput>;
export const ChangeLabelInput = z
  .object({ name: LabelName.optional(), color: Color.optional() })
  .refine(({ name, color }) => name !== undefined || color !== undefined, 'must change something');
export type ChangeLabelInput = z.output<typeof ChangeLabelInput>;
export const SetLabelInput = z.object({
  label: LabelId,
  assigned: z.boolean().default(true).describe('`false` takes it away'),
});
export type SetLabelInput = z.output<typeof SetLabelInput>;

export const ChatOutput = z
  .object({
    chat: z.string().describe('JID of the chat'),
    number: z.string().describe('`to` of a message: E.164 with `+`, or the JID'),
    name: z.string().nullable().describe('as the phone has saved it, or as they call themselves'),
    isGroup: z.boolean(),
    unread: z.int().describe('inbound messages that were not marked read, among the newest 1,000'),
    state: ChatStateOutput.nullable().describe('as the phone keeps the chat; null: it has not told yet'),
    labels: z.array(LabelOutput),
    last: MessageOutput.describe('the newest message'),
  })
  .meta({ id: 'Chat' });

const YEAR_MS = 366 * 86_400_000;

export const ChangeChatInput = z
  .object({
    archived: z.boolean().optional(),
    pinned: z.boolean().optional(),
    mutedForSeconds: z
      .int()
      .min(0)
      .max(YEAR_MS / 1000)
      .optional()
      .describe('from now; 0 ends it'),
    read: z.boolean().optional().describe('`false` marks the chat as unread'),
  })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'must change something');
export type ChangeChatInput = z.output<typeof ChangeChatInput>;

export const TypingInput = z.object({ state: z.enum(TYPING_STATES).default('typing') });
export const OnlineInput = z.object({ online: z.boolean() });
export const SubscribeInput = z.object({ contact: ContactName });

export const ContactOutput = z
  .object({
    jid: z.string(),
    phone: z.string().nullable(),
    name: z.string().nullable().describe('as the phone has saved it'),
    pushName: z.string().nullable().describe('as they call themselves'),
    hasChat: z.boolean(),
  })
  .meta({ id: 'Contact' });

/** Of every answer that is kept for a while. */
export const askedAtField = z.iso.datetime().describe('when WhatsApp was asked for this');

export const ProfileOutput = z
  .object({
    jid: z.string(),
    phone: z.string().nullable(),
    name: z.string().nullable(),
    about: z.string().nullable().describe('null: none, or not for this session'),
    aboutSetAt: z.iso.datetime().nullable(),
    business: z
      .object({
        description: z.string().nullable(),
        category: z.string().nullable(),
        email: z.string().nullable(),
        websites: z.array(z.string()),
        address: z.string().nullable(),
      })
      .nullable()
      .describe('null: no business'),
    askedAt: askedAtField,
  })
  .meta({ id: 'ContactProfile' });

export const PictureOutput = z
  .object({
    id: z.string(),
    url: z.string().describe('opens without a credential for a day'),
    askedAt: askedAtField,
  })
  .nullable()
  .describe('null: none, or not for this session');

export const BlockedOutput = z.object({ jid: z.string(), phone: z.string().nullable() });
