/** Where a person without headers is sent to see a session being linked. */
import { HOUR_MS } from '../../utils/durations.ts';
import { may } from '../access.ts';
import type { Ctx } from '../context.ts';
import { signLink } from '../signed-links.ts';

/** Long enough to find the phone, short enough for a link that was left in a chat. */
const LINK_MS = HOUR_MS;

export interface SessionLinks {
  qrPageUrl: string;
  qrImageUrl: string;
  eventsUrl: string;
}

const PATHS = {
  qrPageUrl: (sessionId: string) => `/session/qr-page/${sessionId}`,
  qrImageUrl: (sessionId: string) => `/session/qr-image/${sessionId}`,
  eventsUrl: (sessionId: string) => `/session/events?session=${sessionId}`,
  qrUrl: (sessionId: string) => `/session/qr/${sessionId}`,
} as const;

/** Absolute links under PUBLIC_URL that open without a credential for an hour, at most until a phone is linked. */
export function makeSessionLinks(
  ctx: Pick<Ctx, 'config' | 'secrets' | 'clock' | 'actor'>,
  session: { userId: number; sessionId: string },
): SessionLinks {
  const to = (name: keyof SessionLinks) => `${ctx.config.publicUrl}${signedPath(ctx, session, name)}`;
  return { qrPageUrl: to('qrPageUrl'), qrImageUrl: to('qrImageUrl'), eventsUrl: to('eventsUrl') };
}

/** The same without the signature, for what is kept: they open with a credential or the dashboard's cookie. */
export function makePlainLinks(ctx: Pick<Ctx, 'config'>, sessionId: string): SessionLinks {
  const { publicUrl } = ctx.config;
  return {
    qrPageUrl: `${publicUrl}${PATHS.qrPageUrl(sessionId)}`,
    qrImageUrl: `${publicUrl}${PATHS.qrImageUrl(sessionId)}`,
    eventsUrl: `${publicUrl}${PATHS.eventsUrl(sessionId)}`,
  };
}

/** One signed path without a host, for pages that were opened under whatever name. */
export function signedPath(
  ctx: Pick<Ctx, 'secrets' | 'clock' | 'actor'>,
  session: { userId: number; sessionId: string },
  name: keyof typeof PATHS,
): string {
  const path = PATHS[name](session.sessionId);
  const now = ctx.clock.now();
  // A link that was made through another link ends when that one does.
  const { link } = ctx.actor;
  const issuedAt = link?.issuedAt ?? now;
  const looks = link ? link.lookOnly === true : !may(ctx.actor, 'sessions:write');
  const scope = { purpose: 'qr' as const, issuedAt, ...(looks ? { lookOnly: true as const } : {}) };
  return signLink(ctx.secrets, path, session.userId, now + LINK_MS, scope);
}
