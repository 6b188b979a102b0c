/** What WhatsApp has answered about people lately: it is asked once for the same, however many look, and not again for a while. */

import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { createLru } from '../../utils/lru.ts';
import type { Ctx } from '../context.ts';
import type { contactProfile } from './contacts.ts';

/** `askedAt`: epoch milliseconds. */
export interface Answer<R> {
  value: R;
  askedAt: number;
}

/** What WhatsApp has refused is not asked for again for so long. */
const KEEP_REFUSAL_MS = MINUTE_MS;

export interface AnswerBook<R> {
  /**
   * The answer to `question`, which names its session and number: one of lately, or that which somebody waits for already, or
   * else that of `ask`. Rejects as `ask` does, or as WhatsApp did less than a minute ago.
   */
  find(ctx: Pick<Ctx, 'clock'>, question: string, ask: () => Promise<R>): Promise<Answer<R>>;
}

type Kept<R> = { until: number } & ({ answer: Answer<R> } | { failure: AppError });

/** `keepMs`: how long an answer is given again; `max`: how many are kept, those that were looked at last. */
export function createAnswerBook<R>({ keepMs, max }: { keepMs: number; max: number }): AnswerBook<R> {
  const kept = createLru<string, Kept<R>>({ max });
  const asked = new Map<string, Promise<Answer<R>>>();

  return {
    async find({ clock }, question, ask) {
      const known = kept.get(question);
      if (known && known.until > clock.now()) {
        if ('failure' in known) throw known.failure;
        return known.answer;
      }
      const waiting = asked.get(question);
      if (waiting !== undefined) return waiting;
      const askedAt = clock.now();
      const asking = ask().then((value) => ({ value, askedAt }));
      asked.set(question, asking);
      try {
        const answer = await asking;
        kept.set(question, { answer, until: askedAt + keepMs });
        return answer;
      } catch (failure) {
        if (failure instanceof AppError && isOfWhatsApp(failure)) {
          kept.set(question, { failure, until: clock.now() + KEEP_REFUSAL_MS });
        }
        throw failure;
      } finally {
        asked.delete(question);
      }
    },
  };
}

/** WhatsApp's own refusal names its number. All others are of this moment: the next caller may have more luck. */
const isOfWhatsApp = ({ details }: AppError): boolean => details?.whatsapp !== undefined;

/** The books of this process. */
export interface PeopleAnswers {
  profiles: AnswerBook<Awaited<ReturnType<typeof contactProfile>>>;
  /** id of the file; null: there is none */
  pictures: AnswerBook<string | null>;
  blocked: AnswerBook<BlockedPeople>;
}

export interface BlockedPeople {
  people: { jid: string; phone: string | null }[];
  /** WhatsApp has told of more */
  truncated: boolean;
}

export function createPeopleAnswers(): PeopleAnswers {
  return {
    // Some KB each at most.
    profiles: createAnswerBook({ keepMs: HOUR_MS, max: 2_000 }),
    pictures: createAnswerBook({ keepMs: HOUR_MS, max: 10_000 }),
    // Each may be long, and the phone changes it without a word.
    blocked: createAnswerBook({ keepMs: MINUTE_MS, max: 50 }),
  };
}
