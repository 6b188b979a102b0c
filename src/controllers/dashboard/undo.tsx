/** Taking back what a form has just done: a button beside the sentence that says it. */
import { z } from 'zod';
import type { HttpContext } from '../../middlewares/http-env.ts';
import type { Ctx } from '../../services/context.ts';
import { keepUndo, readSignIn, takeUndo } from './cookies.ts';
import { texts } from './i18n.ts';
import * as english from './locales/en/parts.ts';
import * as indonesian from './locales/id/parts.ts';
import type { Undo, View } from './page.ts';
import { ActionButton } from './parts.tsx';

const T = texts({ en: english.undo, id: indonesian.undo });

const UndoSchema = z.object({
  action: z.string(),
  fields: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
});

type UndoCtx = Pick<Ctx, 'config' | 'secrets'>;

/** Another sign-in cannot read it. */
const contextOf = ({ secrets }: UndoCtx, c: HttpContext) =>
  `undo:${secrets.mac('dashboard-undo', readSignIn(c) ?? '')}`;

/** Keeps it for the next page; false for what is too long to be kept. */
export function offerUndo(ctx: UndoCtx, c: HttpContext, undo: Undo): boolean {
  return keepUndo(c, ctx.config, ctx.secrets.sealText(JSON.stringify(undo), contextOf(ctx, c)));
}

/** What the form before has offered, once; null when there is nothing, or it was of another sign-in. */
export function takeOffer(ctx: UndoCtx, c: HttpContext): Undo | null {
  const sealed = takeUndo(c, ctx.config);
  if (sealed === null) return null;
  try {
    return UndoSchema.parse(JSON.parse(ctx.secrets.openText(sealed, contextOf(ctx, c))));
  } catch {
    return null;
  }
}

export function UndoButton({ view, undo }: { view: View; undo: Undo }) {
  return (
    <ActionButton view={view} action={undo.action} fields={undo.fields} small>
      {T(view.lang).undo}
    </ActionButton>
  );
}

/** What the form has done, and, where there is no way back for its length, that. */
export function doneWords(lang: View['lang'], done: string, isKept: boolean): string {
  return isKept ? done : `${done} ${T(lang).tooLong}`;
}
