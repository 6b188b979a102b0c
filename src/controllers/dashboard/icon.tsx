/** Icons and the mark. They say nothing by themselves: a text stands beside them, or the label of what they are in. */
import { raw } from 'hono/html';
import { ICONS } from './assets/icons.ts';
import { MARK_SHAPES } from './assets/mark.ts';

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {raw(ICONS[name])}
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      {raw(MARK_SHAPES)}
    </svg>
  );
}
