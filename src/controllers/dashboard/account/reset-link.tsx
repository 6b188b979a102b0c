/** A link for a new password of somebody else: made by an administrator, shown once. */
import type { ResetLink } from '../../../services/auth/password-reset.ts';
import type { View } from '../page.ts';
import { ActionButton, Time } from '../parts.tsx';
import { SECURITY_TEXTS } from './texts.ts';

const SHOWN = 'reset-link';
const URL_ID = 'reset-link-url';

export function ResetLinkForm({ view, action }: { view: View; action: string }) {
  const t = SECURITY_TEXTS(view.lang);
  return (
    <>
      <ActionButton view={view} action={action} target={`#${SHOWN}`}>
        {t.makeLink}
      </ActionButton>
      <div id={SHOWN} aria-live="polite" />
    </>
  );
}

export function NewResetLink({ view, link }: { view: View; link: ResetLink }) {
  const t = SECURITY_TEXTS(view.lang);
  return (
    <>
      <p class="muted">{t.linkAbout}</p>
      <pre id={URL_ID} tabindex={0}>
        {link.url}
      </pre>
      <p>
        <button type="button" data-copy={URL_ID} data-copied={t.copied}>
          {t.copy}
        </button>{' '}
        <Time at={link.expiresAt} />
      </p>
    </>
  );
}
