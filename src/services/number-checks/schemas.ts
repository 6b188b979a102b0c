/** The inputs and outputs of checking many numbers. */
import { z } from 'zod';
import { CHECK_STATUSES, CHECKED_STATES } from '../../db/schema.ts';
import { MAX_WRITTEN } from '../../utils/phone/written.ts';
import { cursorQuery, SessionName } from '../fields.ts';

/** Numbers of one job. */
export const MAX_CHECKED = 1_000;

export const CheckNumbersInput = z.object({
  session: SessionName.describe('the session that asks WhatsApp'),
  numbers: z
    .array(z.string().max(MAX_WRITTEN))
    .min(1)
    .max(MAX_CHECKED)
    .describe('in any usual spelling; one that is no phone number is told as `invalid`'),
});
export type CheckNumbersInput = z.output<typeof CheckNumbersInput>;

export const CheckPageInput = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  ...cursorQuery,
});
export type CheckPageInput = z.output<typeof CheckPageInput>;

export const CheckedState = z.enum(CHECKED_STATES);
const Timestamp = z.iso.datetime();

export const NumberCheckOutput = z
  .object({
    id: z.string(),
    session: z.string(),
    status: z.enum(CHECK_STATUSES),
    reason: z
      .string()
      .nullable()
      .describe(
        'why it waits (`not_connected`, `no_answer`) or has failed (the same after a day, or `session_deleted`)',
      ),
    total: z.int(),
    done: z.int().describe('numbers that have their answer'),
    percent: z.int(),
    registered: z.int().describe('numbers that are on WhatsApp'),
    notRegistered: z.int(),
    unknown: z.int().describe('numbers that WhatsApp has said nothing of, asked several times'),
    invalid: z.int().describe('what is no phone number: WhatsApp is not asked'),
    waitingSince: Timestamp.nullable().describe('since when it waits for an answer; null: it does not'),
    nextAttemptAt: Timestamp.nullable().describe('when a check that waits is tried again'),
    givesUpAt: Timestamp.nullable().describe(
      'when a check that waits fails, if nothing is answered until then',
    ),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    finishedAt: Timestamp.nullable(),
  })
  .meta({ id: 'NumberCheck' });
export type NumberCheckOutput = z.output<typeof NumberCheckOutput>;

export const CheckedNumberOutput = z
  .object({
    position: z.int().describe('from 1, in the order that was asked in'),
    number: z.string().describe('as it was written'),
    phone: z.string().nullable().describe('E.164 with `+`; null: it is no phone number'),
    readings: z
      .array(z.string())
      .describe(
        'what it can be, where it is `invalid` because it can be read in several ways: write one of these',
      ),
    state: CheckedState,
    jid: z.string().nullable().describe('where WhatsApp has it, which may be another spelling'),
    checkedAt: Timestamp.nullable().describe('when WhatsApp was asked, which may be before the check'),
  })
  .meta({ id: 'CheckedNumber' });
export type CheckedNumberOutput = z.output<typeof CheckedNumberOutput>;
