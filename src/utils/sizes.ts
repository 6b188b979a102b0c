/** Sizes of files and bodies: how large, and which setting says so. */
import type { Config } from './config.ts';

/** The largest file of a kind. */
export interface SizeLimit {
  bytes: number;
  /** the environment variable that sets it; null where nobody can */
  setting: string | null;
}

type Files = Config['files'];

export const mediaLimit = (files: Files): SizeLimit => ({
  bytes: files.maxMediaBytes,
  setting: 'MAX_MEDIA_SIZE',
});
export const uploadLimit = (files: Files): SizeLimit => ({
  bytes: files.maxUploadBytes,
  setting: 'MAX_FILE_SIZE',
});
export const csvLimit = (files: Files): SizeLimit => ({ bytes: files.maxCsvBytes, setting: 'MAX_CSV_SIZE' });

const UNITS = ['bytes', 'KB', 'MB', 'GB'] as const;

/** A size for a person, with one decimal at most: `50 MB`, `1.5 GB`, `700 bytes`. A KB has 1,024 bytes. */
export function sayBytes(bytes: number): string {
  let [size, unit] = [bytes, 0];
  while (size >= 1_024 && unit < UNITS.length - 1) {
    size /= 1_024;
    unit++;
  }
  return `${Math.round(size * 10) / 10} ${UNITS[unit]}`;
}
