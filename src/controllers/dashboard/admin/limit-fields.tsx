/** The fields of limits in forms of administrators: one for each, empty for what is not limited. */
import { z } from 'zod';
import { lowestLimit } from '../../../services/plans-schemas.ts';
import { LIMIT_NAMES, type QuotaName } from '../../../services/quotas.ts';
import type { View } from '../page.ts';
import { Field } from '../parts.tsx';
import { quotaName } from '../usage.tsx';

const limitField = (name: QuotaName) =>
  z.coerce.number().int().min(lowestLimit(name)).max(1_000_000_000_000).optional();

/** Safe because the names are all of them. */
export const LimitForm = z.object(
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, limitField(name)])) as Record<
    QuotaName,
    ReturnType<typeof limitField>
  >,
);

/** `limits`: what is set already. */
export function LimitFields({ view, limits }: { view: View; limits: Readonly<Record<string, number>> }) {
  return (
    <div class="stack">
      {LIMIT_NAMES.map((name) => (
        <Field
          label={quotaName(view.lang, name)}
          name={name}
          type="number"
          min={lowestLimit(name)}
          value={limits[name]}
          id={`limit-${name}`}
        />
      ))}
    </div>
  );
}
