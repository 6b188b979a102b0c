import type { MediaDetails } from '../../../whatsapp/content.ts';

/** Whole seconds, at least 1. */
export function secondsOf(duration: number | undefined): MediaDetails {
  if (duration === undefined || !Number.isFinite(duration) || duration <= 0) return {};
  return { seconds: Math.max(1, Math.round(duration)) };
}
