/** The fields of the forms that make and change campaigns, and what the verbs make of them. */
import { z } from 'zod';
import { sessionNotFound } from '../../../services/access.ts';
import { ScheduleCampaignInput } from '../../../services/campaigns/schemas.ts';
import type { Ctx } from '../../../services/context.ts';
import { nameOf } from '../../../services/fields.ts';
import { MAX_URL } from '../../../services/messages/kinds/fields.ts';
import { getPool } from '../../../services/pools.ts';
import { AppError } from '../../../utils/errors.ts';
import { own } from '../../../utils/own.ts';
import { senderFields, senderOf } from '../sessions/sender.tsx';
import { id, piecesOf } from './parts.tsx';

const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 21:00');
const whole = (min: number, max: number) =>
  z.coerce.number('must be a number').int('must be a whole number').min(min).max(max);

/** The message of the campaign. */
export const MessageFields = {
  kind: z.enum(['text', 'template', 'media']).default('text'),
  body: z.string().max(65_536).optional(),
  templateId: id.optional(),
  media: z.string().max(MAX_URL).optional(),
  mediaUrl: z.string().trim().max(MAX_URL).optional(),
  mediaAs: z.enum(['image', 'video', 'document']).optional(),
  caption: z.string().max(4_096).optional(),
};

/** When people expect messages; a campaign of the form begins with it. */
export const BY_DAY = { sendFrom: '08:00', sendUntil: '20:00' };

/** How fast, and how carefully. An unticked box is not in a form. */
export const PaceFields = {
  /** seconds */
  delay: z.coerce.number('must be a number').min(1, 'must be at least 1').max(3_600).default(3),
  dailyCap: whole(1, 1_000_000).optional(),
  warmUp: z.literal('true').optional(),
  dayOnly: z.literal('true').optional(),
  sendFrom: ClockTime.optional(),
  sendUntil: ClockTime.optional(),
  checkNumbers: z.literal('true').optional(),
  failurePercent: whole(1, 100).optional(),
};

export const CampaignForm = z.object({
  ...senderFields,
  campaignName: z.string().trim().max(190).optional(),
  target: z.enum(['list', 'numbers']).default('list'),
  listId: id.optional(),
  numbers: z.string().optional(),
  ...MessageFields,
  when: z.enum(['now', 'later', 'repeat']).default('now'),
  scheduledAt: z.string().max(40).optional(),
  timezone: z.string().max(64).optional(),
  repeat: z.enum(['daily', 'weekly', 'monthly', 'cron']).default('daily'),
  repeatAt: ClockTime.optional(),
  weekday: whole(0, 6).default(1),
  monthday: whole(1, 31).default(1),
  cron: z.string().trim().max(120).optional(),
  ...PaceFields,
});
export type CampaignForm = z.output<typeof CampaignForm>;

export const EditForm = z.object({
  campaignName: nameOf(190),
  /** the message as it is stays when nothing is chosen */
  kind: z.enum(['keep', 'text', 'template', 'media']).default('keep'),
  ...withoutKind(MessageFields),
  ...PaceFields,
  scheduledAt: z.string().max(40).optional(),
  timezone: z.string().max(64).optional(),
});

function withoutKind({ kind: _kind, ...rest }: typeof MessageFields) {
  return rest;
}

/** Who sends a campaign. */
export interface Sender {
  /** the session that it belongs to */
  sessionId: string;
  input: Pick<ScheduleCampaignInput, 'sessions' | 'pool'>;
  /** as a person reads it */
  text: string;
}

/** The sender that a form names. Throws VALIDATION_FAILED, NOT_FOUND for a pool, SESSION_NOT_FOUND for an empty one. */
export async function senderIn(ctx: Ctx, form: Pick<CampaignForm, 'session' | 'sessions'>): Promise<Sender> {
  const chosen = senderOf(form);
  if ('session' in chosen) return { sessionId: chosen.session, input: {}, text: chosen.session };
  if ('sessions' in chosen) {
    const [sessionId = ''] = chosen.sessions;
    return { sessionId, input: chosen, text: chosen.sessions.join(', ') };
  }
  const { name, sessions } = await getPool(ctx, chosen.pool);
  const there = sessions.filter(({ status }) => status !== null);
  const own = there.find(({ status }) => status === 'connected') ?? there[0];
  if (own === undefined) throw sessionNotFound(sessions.map(({ sessionId }) => sessionId).join(', '));
  const names = there.map(({ sessionId }) => sessionId).join(', ');
  return { sessionId: own.sessionId, input: chosen, text: `${name}: ${names}` };
}

type Message = Pick<CampaignForm, 'body' | 'templateId' | 'media' | 'mediaUrl' | 'mediaAs' | 'caption'>;

/** The part of an input that says what is sent. */
export function messageOf(kind: CampaignForm['kind'], form: Message) {
  if (kind === 'text') return { type: 'text', message: required('body', form.body) };
  if (kind === 'template') return { templateId: required('templateId', form.templateId) };
  const source = form.mediaUrl ?? required('media', form.media);
  const type = form.mediaAs ?? (/\.(jpe?g|png|gif|webp)$/i.test(source) ? 'image' : 'document');
  return {
    type,
    content: { [type]: source },
    ...(form.caption === undefined ? {} : { message: form.caption }),
  };
}

type Pace = Pick<
  CampaignForm,
  'delay' | 'dailyCap' | 'warmUp' | 'dayOnly' | 'sendFrom' | 'sendUntil' | 'checkNumbers' | 'failurePercent'
>;

/** The part of an input that says how fast and how carefully. */
export function paceFrom(form: Pace) {
  const { sendFrom, sendUntil, dailyCap, failurePercent } = form;
  return {
    delayBetweenMessages: Math.round(form.delay * 1000),
    warmUp: form.warmUp === 'true',
    checkNumbers: form.checkNumbers === 'true',
    ...(dailyCap === undefined ? {} : { dailyCap }),
    ...(failurePercent === undefined ? {} : { failurePercent }),
    ...(form.dayOnly === 'true'
      ? { quietHours: { from: required('sendUntil', sendUntil), to: required('sendFrom', sendFrom) } }
      : {}),
  };
}

/** The whole input; `sender`: the sessions that send it. Throws VALIDATION_FAILED. */
export function inputOf(form: CampaignForm, sender: Sender['input']): ScheduleCampaignInput {
  return readInput(ScheduleCampaignInput, bodyOf(form, sender));
}

/** The body of the API's request that the form stands for. Throws VALIDATION_FAILED for a field that is missing. */
export function bodyOf(form: CampaignForm, sender: Sender['input']): Record<string, unknown> {
  const { campaignName } = form;
  return {
    ...sender,
    ...targetOf(form),
    ...messageOf(form.kind, form),
    ...timeOf(form),
    ...paceFrom(form),
    ...(campaignName === undefined ? {} : { campaignName }),
  };
}

/** As the API reads the same input, with the failures under the names of the form's fields. */
export function readInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details: Record<string, string> = {};
  for (const { path, message } of result.error.issues) {
    const [name = 'form'] = path.map(String);
    details[own(FORM_NAMES, name) ?? name] ??= message;
  }
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', { details });
}

const FORM_NAMES: Record<string, string> = {
  message: 'body',
  content: 'media',
  delayBetweenMessages: 'delay',
  quietHours: 'sendUntil',
};

export function targetOf(form: Pick<CampaignForm, 'target' | 'listId' | 'numbers'>) {
  if (form.target === 'list') return { listId: required('listId', form.listId) };
  const numbers = piecesOf(form.numbers ?? '');
  return { numbers: numbers.length > 0 ? numbers : required('numbers', undefined) };
}

type Times = Pick<
  CampaignForm,
  'when' | 'scheduledAt' | 'timezone' | 'repeat' | 'repeatAt' | 'weekday' | 'monthday' | 'cron'
>;

export function timeOf(form: Times) {
  const { when, timezone } = form;
  if (when === 'now') return {};
  if (when === 'later') return { scheduledAt: required('scheduledAt', form.scheduledAt), timezone };
  return { cron: cronOf(form), timezone };
}

/** The expression that the form stands for. Throws VALIDATION_FAILED for a field that is missing. */
export function cronOf(form: Times): string {
  if (form.repeat === 'cron') return required('cron', form.cron);
  const [hour = '', minute = ''] = required('repeatAt', form.repeatAt).split(':');
  const at = `${Number(minute)} ${Number(hour)}`;
  if (form.repeat === 'weekly') return `${at} * * ${form.weekday}`;
  return form.repeat === 'monthly' ? `${at} ${form.monthday} * *` : `${at} * * *`;
}

function required<T>(field: string, value: T | undefined): T {
  if (value !== undefined && value !== '') return value;
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', {
    details: { [field]: 'is required' },
  });
}
