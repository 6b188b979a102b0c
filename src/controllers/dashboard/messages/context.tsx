/** What a message says about itself, above its text: forwarded, by an advertisement, naming people, disappearing. */
import type { Child } from 'hono/jsx';
import { phoneOf } from '../../../whatsapp/jid.ts';
import type { View } from '../page.ts';
import type { ShownContent } from './content.ts';
import { OuterLink } from './offer.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

/** Forwarded so often that WhatsApp's own clients mark it with two arrows. */
const OFTEN = 5;

export function ContextPart({ view, content }: { view: View; content: ShownContent }) {
  const t = MESSAGE_TEXTS(view.lang);
  const extras = 'mentions' in content || 'forwarded' in content || 'referral' in content ? content : null;
  if (extras === null) return null;
  const { forwarded, forwardingScore = 0, mentions = [], referral } = extras;
  return (
    <>
      {forwarded && <Mark>↪ {forwardingScore >= OFTEN ? t.forwardedOften : t.forwarded}</Mark>}
      {referral && (
        <Mark>
          {t.cameBy}{' '}
          <OuterLink url={referral.sourceUrl}>
            {referral.title ?? referral.sourceUrl ?? referral.sourceId ?? referral.entryPoint ?? ''}
          </OuterLink>
        </Mark>
      )}
      {mentions.length > 0 && (
        <Mark>
          {t.names} {mentions.map(shownJid).join(', ')}
        </Mark>
      )}
    </>
  );
}

function Mark({ children }: { children: Child }) {
  return <p class="muted small wrap">{children}</p>;
}

function shownJid(jid: string): string {
  const phone = phoneOf(jid);
  return phone === null ? jid : `+${phone}`;
}
