/** Parts about sessions that several pages share. */
import type { View } from '../page.ts';
import { Badge } from '../parts.tsx';
import { explainSession, type SessionState, sessionTone } from './reasons.ts';

export const sessionPath = (sessionId: string, rest = '') =>
  `/dashboard/sessions/${encodeURIComponent(sessionId)}${rest}`;

export function StateBadge({ view, session }: { view: View; session: SessionState }) {
  return <Badge tone={sessionTone(session)}>{explainSession(view.lang, session).state}</Badge>;
}

/** Somebody has to do something on the linking page. */
export const waitsForPerson = ({ status }: Pick<SessionState, 'status'>) =>
  status === 'qr' || status === 'passkey' || status === 'passkey_confirm';

/** A number as the reader's language writes it. */
export function count(view: Pick<View, 'lang'>, n: number): string {
  return n.toLocaleString(view.lang);
}

/** Sessions to choose from, each with its number and state, and the one that is connected. */
export function sessionChoices(
  { lang }: Pick<View, 'lang'>,
  sessions: readonly (SessionState & {
    sessionId: string;
    label: string | null;
    phoneNumber: string | null;
  })[],
): { options: (readonly [string, string])[]; connected: string | undefined } {
  const options = sessions.map((session) => {
    const number = session.phoneNumber === null ? '' : ` · ${session.phoneNumber}`;
    const { state } = explainSession(lang, session);
    const name = session.label === null ? session.sessionId : `${session.label} (${session.sessionId})`;
    return [session.sessionId, `${name}${number} · ${state}`] as const;
  });
  return { options, connected: sessions.find(({ status }) => status === 'connected')?.sessionId };
}
