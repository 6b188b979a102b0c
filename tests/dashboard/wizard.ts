/** A campaign that is written step by step, as the pages do it. */
import { expect } from 'vitest';
import {
  draftPath,
  namesOf,
  STEPS,
  type Step,
} from '../../src/controllers/dashboard/broadcast/wizard/steps.ts';
import { newId } from '../../src/utils/ids.ts';

type Fields = Record<string, string | readonly string[]>;
type Post = (path: string, form: Fields) => Promise<Response>;

export interface WrittenDraft {
  id: string;
  /** what the page that wrote it sends with each form */
  page: { savedBy: string; version: string };
  start(form?: Fields): Promise<Response>;
}

/** Saves the fields, each with its step: of the steps that are gone through. */
export async function writeDraft(
  post: Post,
  form: Fields,
  through: readonly Step[] = STEPS,
): Promise<WrittenDraft> {
  const id = newId();
  const page = { savedBy: newId(), version: '0' };
  for (const step of through) {
    const fields = Object.fromEntries(Object.entries(form).filter(([name]) => namesOf(step).includes(name)));
    const reply = await post(draftPath(id, 'save'), { ...fields, ...page, step });
    expect(reply.status, await reply.clone().text()).toBe(200);
  }
  const { campaignName = '' } = form;
  const start = (more: Fields = {}) =>
    post(draftPath(id, 'start'), { campaignName, ...page, step: 'review', ...more });
  return { id, page, start };
}
