/** The inputs and outputs of the group verbs, for every surface. */
import { z } from 'zod';
import { MEMBER_STATUSES } from '../../whatsapp/group-types.ts';
import { nameOf } from '../fields.ts';
import { RecipientInput } from '../messages/schemas.ts';

/** What WhatsApp lets people write. */
const MAX_SUBJECT = 100;
const MAX_DESCRIPTION = 2_048;
/** People of one request: more at a time look like a program. */
export const MAX_MEMBERS_AT_ONCE = 50;
const MAX_INVITE = 200;

export const GroupId = RecipientInput.describe('the id of a group, `…@g.us`');
const Members = z
  .array(RecipientInput)
  .min(1, 'must not be empty')
  .max(MAX_MEMBERS_AT_ONCE, `must have at most ${MAX_MEMBERS_AT_ONCE} people`)
  .describe('phone numbers in any usual spelling, or LIDs');
const Subject = nameOf(MAX_SUBJECT);

export const CreateGroupInput = z.object({ subject: Subject, members: Members });

export const MembersInput = z.object({ members: Members });

/** Seconds that WhatsApp's own clients offer. */
const Ephemeral = z
  .union([z.literal(0), z.literal(86_400), z.literal(604_800), z.literal(7_776_000)])
  .describe('seconds after which messages disappear; 0: they stay');

export const ChangeGroupInput = z
  .object({
    subject: Subject.optional(),
    description: z.string().trim().max(MAX_DESCRIPTION).optional().describe('empty: none'),
    announce: z.boolean().optional().describe('only admins write'),
    locked: z.boolean().optional().describe('only admins change subject, description and picture'),
    ephemeral: Ephemeral.optional(),
    joinApproval: z.boolean().optional().describe('who comes by the link has to be let in'),
    membersAdd: z.boolean().optional().describe('every member may add people'),
  })
  .refine((changes) => Object.values(changes).some((value) => value !== undefined), 'must change something');
export type ChangeGroupInput = z.output<typeof ChangeGroupInput>;

export const JoinGroupInput = z.object({
  invite: z.string().trim().min(1).max(MAX_INVITE).describe('`https://chat.whatsapp.com/…`, or its code'),
});

const Role = z.enum(['owner', 'admin', 'member']);
const person = {
  jid: z.string(),
  phone: z.string().nullable().describe('E.164 with `+`; null when WhatsApp does not tell'),
};
const Person = z.object(person);

export const GroupOutput = z
  .object({
    id: z.string().describe('`to` of a message with `isGroup`'),
    subject: z.string(),
    description: z.string().nullable(),
    size: z.int(),
    createdAt: z.iso.datetime().nullable(),
    owner: Person.nullable(),
    role: Role.nullable().describe('of the session itself'),
    announce: z.boolean(),
    locked: z.boolean(),
    ephemeral: z.int(),
    joinApproval: z.boolean(),
    membersAdd: z.boolean(),
    members: z.array(Person.extend({ role: Role })),
  })
  .meta({ id: 'Group' });

export const MemberOutcomeOutput = z
  .object({
    ...person,
    status: z
      .enum(MEMBER_STATUSES)
      .describe(
        '`private`: they decide who adds them, send them the invite link; `left_recently`: they cannot be added for some days',
      ),
    code: z.string().nullable().describe("WhatsApp's own number of it"),
  })
  .meta({ id: 'GroupMemberOutcome' });

export const InviteOutput = z.object({ code: z.string(), url: z.string() });

export const JoinedOutput = z.object({
  group: z.string().nullable(),
  status: z.enum(['joined', 'requested']).describe('`requested`: an admin has to let the session in'),
});

export const JoinRequestOutput = Person.extend({ requestedAt: z.iso.datetime().nullable() }).meta({
  id: 'GroupJoinRequest',
});
