/** Who changed a text of the tenant: of broadcasts or of codes. */
import type { Tx } from '../../db/client.ts';
import { record } from '../../events/record.ts';
import { type Ctx, originOf } from '../context.ts';

export interface ChangedTemplate {
  kind: 'otp' | 'broadcast';
  id: string;
  name: string;
}

/** Call it in the transaction of the change. The text itself is kept nowhere else. */
export function recordTemplate(
  tx: Tx,
  ctx: Ctx,
  event: 'template.created' | 'template.updated' | 'template.deleted',
  { kind, id, name }: ChangedTemplate,
): Promise<void> {
  const { userId } = ctx.actor;
  return record(tx, ctx, [{ userId, event, subject: id, data: { kind, name }, origin: originOf(ctx) }]);
}
