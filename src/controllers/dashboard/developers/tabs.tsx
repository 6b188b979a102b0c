import { Tabs } from '../parts.tsx';
import type { DeveloperTexts } from './texts.ts';

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
