import type { View } from '../page.ts';
import { Tabs } from '../parts.tsx';
import { DEVELOPER_TEXTS, type DeveloperTexts } from './texts.ts';

/** The heading and the second level of this section. */
export function DeveloperTabs({ t, current }: { t: DeveloperTexts; current: string }) {
  return (
    <>
      <h1>{t.title}</h1>
      <Tabs
        label={t.title}
        current={current}
        tabs={[
          ['/dashboard/developers', t.keys],
          ['/dashboard/developers/webhooks', t.webhooks],
          ['/dashboard/developers/requests', t.requests],
          ['/dashboard/developers/examples', t.examples],
          ['/docs', t.reference],
        ]}
      />
    </>
  );
}

/** A secret that is shown once, with a button that copies it. */
export function Secret({ t, label, value }: { t: DeveloperTexts; label: string; value: string }) {
  return (
    <div class="field">
      <label for="secret">{label}</label>
      <div class="row">
        <input id="secret" class="mono" readonly value={value} />
        <button type="button" data-copy="secret" data-copied={t.copied}>
          {t.copy}
        </button>
      </div>
    </div>
  );
}

interface SecretOnceProps {
  view: View;
  label: string;
  secret: string;
  /** where to go then */
  back: string;
}

/** What signs the posts of a receiver, on the only sight of it. */
export function SecretOnce({ view, label, secret, back }: SecretOnceProps) {
  const t = DEVELOPER_TEXTS(view.lang);
  return (
    <>
      <p class="alert alert-good">{t.secretOnce}</p>
      <Secret t={t} label={label} value={secret} />
      <p>
        <a class="button" href={back}>
          {t.back}
        </a>
      </p>
    </>
  );
}
