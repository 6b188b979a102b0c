/** `/dashboard/otp`. */
import type { Page } from '../page.ts';
import { conversionPages } from './conversion.tsx';
import { limitPages } from './limits.tsx';
import { logPages } from './log.tsx';
import { templatePages } from './templates.tsx';
import { tryPages } from './try.tsx';

export const otpPages: readonly Page[] = [
  ...tryPages,
  ...logPages,
  ...conversionPages,
  ...templatePages,
  ...limitPages,
];
