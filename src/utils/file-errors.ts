/** Errors of the file system at a start, in one line for a person. */
import { StartError } from './errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's quota is used up",
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'a part of the path is a file',
  EISDIR: 'it is a folder',
  ENOENT: 'it is not there, and cannot be made',
  EIO: 'the disk does not answer properly',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ELOOP: 'its links lead in a circle',
};

/**
 * Runs `work`, which makes or opens `path`; an error of the file system becomes a StartError that names the path, the
 * reason and the `setting` that leads there.
 */
export function withFileErrors<R>(path: string, setting: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    throw explainFileError(error, path, setting);
  }
}

/** The StartError for an error of the file system; other errors as they are. */
export function explainFileError(error: unknown, path: string, setting: string): unknown {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return error;
  const reason = REASONS[error.code];
  if (reason === undefined) return error;
  return new StartError(
    `${path} cannot be written (${reason}, ${error.code}): mend that, or name another place in ${setting}`,
    { cause: error },
  );
}
