/** The steps of the form that makes a campaign: their fields, their addresses, and what each needs to be complete. */
import { z } from 'zod';
import { timeZoneOf } from '../../../../services/auth/settings.ts';
import type { DraftData } from '../../../../services/campaigns/drafts.ts';
import { firstRun } from '../../../../services/campaigns/schedule.ts';
import type { Ctx } from '../../../../services/context.ts';
import { PoolSessions } from '../../../../services/pools.ts';
import { AppError } from '../../../../utils/errors.ts';
import {
  BY_DAY,
  CampaignForm,
  messageOf,
  paceFrom,
  readInput,
  senderIn,
  targetOf,
  timeOf,
} from '../campaign-input.ts';
import { BROADCAST } from '../parts.tsx';

export const STEPS = ['who', 'what', 'when', 'pace', 'review'] as const;
export type Step = (typeof STEPS)[number];

const FORMS = {
  who: CampaignForm.pick({ session: true, sessions: true, target: true, listId: true, numbers: true }),
  what: CampaignForm.pick({
    kind: true,
    body: true,
    templateId: true,
    media: true,
    mediaUrl: true,
    mediaAs: true,
    caption: true,
  }),
  when: CampaignForm.pick({
    when: true,
    scheduledAt: true,
    timezone: true,
    repeat: true,
    repeatAt: true,
    weekday: true,
    monthday: true,
    cron: true,
  }),
  pace: CampaignForm.pick({
    delay: true,
    dailyCap: true,
    warmUp: true,
    dayOnly: true,
    sendFrom: true,
    sendUntil: true,
    checkNumbers: true,
    failurePercent: true,
  }),
  review: CampaignForm.pick({ campaignName: true }),
};

/** A text that is too long is left out. */
const text = (max: number) => z.string().max(max).optional().catch(undefined);

/** The form of any step as it is sent: nothing is refused here, a half-written draft is kept as well. */
export const StepForm = z.object({
  session: text(160),
  sessions: PoolSessions.optional().catch(undefined),
  target: text(20),
  listId: text(64),
  numbers: z.string().optional(),
  kind: text(20),
  body: text(65_536),
  templateId: text(64),
  media: text(2_048),
  mediaUrl: text(2_048),
  mediaAs: text(20),
  caption: text(4_096),
  when: text(20),
  scheduledAt: text(40),
  timezone: text(64),
  repeat: text(20),
  repeatAt: text(10),
  weekday: text(2),
  monthday: text(2),
  cron: text(120),
  delay: text(20),
  dailyCap: text(20),
  warmUp: text(5),
  dayOnly: text(5),
  sendFrom: text(10),
  sendUntil: text(10),
  checkNumbers: text(5),
  failurePercent: text(20),
  campaignName: text(190),
  /** the step that these are the fields of */
  step: z.enum(STEPS),
  version: z.coerce.number().int().min(0).max(2_000_000_000).default(0),
  savedBy: z.string().regex(/^[0-9a-f]{32}$/),
  /** the other version that may be replaced */
  replacing: z.coerce.number().int().min(1).max(2_000_000_000).optional(),
  /** where to go: a step, or `next` */
  go: z.enum([...STEPS, 'next']).default('next'),
});
export type StepForm = z.output<typeof StepForm>;

/** In a draft whose pace was saved: an unticked box is not in a form, so its absence says nothing by itself. */
const PACE_SAVED = 'paceSaved';

/** Every field of a step, as a draft names them. */
export function namesOf(step: Step): string[] {
  const names = Object.keys(FORMS[step].shape);
  return step === 'pace' ? [...names, PACE_SAVED] : names;
}

/** The fields that a form gives a draft. */
export function fieldsOf(form: StepForm): Record<string, string | string[]> {
  const given = new Map<string, unknown>(Object.entries({ ...form, [PACE_SAVED]: 'true' }));
  return Object.fromEntries(
    namesOf(form.step).flatMap((name) => {
      const value = given.get(name);
      return typeof value === 'string' || Array.isArray(value) ? [[name, value]] : [];
    }),
  );
}

/** A draft with the usual pace where that step was never saved: whoever goes past it has what it shows. */
export function withPace({ config }: Pick<Ctx, 'config'>, data: DraftData): DraftData {
  if (said(data, PACE_SAVED) !== undefined) return data;
  // An emulated server bans no number.
  const warmUp = config.waServer === null ? { warmUp: 'true' } : {};
  return { ...data, ...USUAL_PACE, ...warmUp };
}

const USUAL_PACE = { delay: '3', checkNumbers: 'true', dayOnly: 'true', ...BY_DAY };

export const draftPath = (id: string, rest: string = 'who') => `${BROADCAST}/drafts/${id}/${rest}`;

export function stepAfter(step: Step): Step {
  return STEPS[STEPS.indexOf(step) + 1] ?? 'review';
}

/** Throws VALIDATION_FAILED, SESSION_NOT_FOUND, NOT_FOUND: what is wrong with the step, at its field. */
export async function requireComplete(ctx: Ctx, step: Step, data: DraftData): Promise<void> {
  switch (step) {
    case 'who': {
      const form = readInput(FORMS.who, data);
      await senderIn(ctx, form);
      targetOf(form);
      return;
    }
    case 'what': {
      const form = readInput(FORMS.what, data);
      messageOf(form.kind, form);
      return;
    }
    case 'when': {
      const form = readInput(FORMS.when, data);
      const timeZone = form.timezone ?? (await timeZoneOf(ctx, ctx.actor.userId));
      if (form.when !== 'now') firstRun({ ...timeOf(form), timeZone }, ctx.clock.now());
      return;
    }
    case 'pace':
      paceFrom(readInput(FORMS.pace, withPace(ctx, data)));
      return;
    case 'review':
      readInput(FORMS.review, data);
  }
}

/** The steps that are not complete yet, in order. */
export async function incompleteSteps(ctx: Ctx, data: DraftData): Promise<Step[]> {
  const missing: Step[] = [];
  for (const step of STEPS) {
    try {
      await requireComplete(ctx, step, data);
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
      missing.push(step);
    }
  }
  return missing;
}

/** The whole form of a draft. Throws VALIDATION_FAILED. */
export const formOf = (ctx: Pick<Ctx, 'config'>, data: DraftData): CampaignForm =>
  readInput(CampaignForm, withPace(ctx, data));

/** A field of a draft as a text. */
export function said(data: DraftData, name: string): string | undefined {
  const value = Object.hasOwn(data, name) ? data[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}
