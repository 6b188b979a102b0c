/** This process cannot run the command, because another one owns the session. */
export class NotOwnerError extends Error {
  override name = 'NotOwnerError';
}
