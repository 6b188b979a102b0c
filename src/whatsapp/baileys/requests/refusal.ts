/** What WhatsApp's refusal of a query means for whoever asked. */
import { AppError, type ErrorCode } from '../../../utils/errors.ts';

interface Refusal {
  code: ErrorCode;
  message: string;
}

/** About groups, by the number that WhatsApp answers with; whatsmeow and Baileys agree on these. */
const OF_GROUPS: Readonly<Record<number, Refusal>> = {
  400: { code: 'VALIDATION_FAILED', message: 'WhatsApp does not accept this.' },
  401: { code: 'NOT_GROUP_ADMIN', message: 'Only an admin of the group may do this.' },
  403: { code: 'NOT_GROUP_MEMBER', message: 'The session is not in this group.' },
  404: { code: 'GROUP_GONE', message: 'There is no such group.' },
  406: { code: 'VALIDATION_FAILED', message: 'WhatsApp does not accept this.' },
  409: { code: 'CONFLICT', message: 'It is so already, or somebody has changed it meanwhile.' },
  410: { code: 'GROUP_GONE', message: 'The invite link was revoked, or the group is gone.' },
  419: { code: 'GROUP_FULL', message: 'The group is full.' },
  429: { code: 'RATE_LIMITED', message: 'WhatsApp says that the session asks too often.' },
};

/** Seconds to leave WhatsApp alone for when it says that it is asked too often; it names no time itself. */
const WHATSAPP_LIMIT_SECONDS = 60;

/** About people and chats. */
const OF_PEOPLE: Readonly<Record<number, Refusal>> = {
  400: { code: 'VALIDATION_FAILED', message: 'WhatsApp does not accept this.' },
  404: { code: 'NOT_FOUND', message: 'WhatsApp knows nothing of this.' },
  406: { code: 'VALIDATION_FAILED', message: 'WhatsApp does not accept this.' },
  429: { code: 'RATE_LIMITED', message: 'WhatsApp says that the session asks too often.' },
};

/** The number with which the server refused a query; null: it did not refuse it. */
export function refusalCode(error: unknown): number | null {
  const data = error instanceof Error && 'data' in error ? error.data : undefined;
  return typeof data === 'number' && Number.isInteger(data) ? data : null;
}

/** The failure as callers know it; null for what is no refusal of the server. */
export const explainGroupRefusal = (error: unknown) => explain(OF_GROUPS, error);

/** The same for what is asked about people and chats. */
export const explainPersonRefusal = (error: unknown) => explain(OF_PEOPLE, error);

/** What guard.ts answers in the place of a server that does not: nothing was refused. */
const NO_ANSWER = 408;

function explain(refusals: Readonly<Record<number, Refusal>>, error: unknown): AppError | null {
  const number = refusalCode(error);
  if (number === null || number === NO_ANSWER) return null;
  const known = refusals[number];
  const details = { whatsapp: number };
  if (!known) return new AppError('SEND_FAILED', `WhatsApp refused it with ${number}.`, { details });
  const retry = known.code === 'RATE_LIMITED' ? { retryAfterSeconds: WHATSAPP_LIMIT_SECONDS } : {};
  return new AppError(known.code, known.message, { details, ...retry });
}
