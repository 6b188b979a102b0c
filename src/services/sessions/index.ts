/** The verbs about sessions. */
export { changeSession } from './change.ts';
export { logoutSession, restartSession } from './control.ts';
export { createSession } from './create.ts';
export { cleanupSessions, deleteSession } from './delete.ts';
export { ensureQr, ensureSession } from './ensure.ts';
export { followSession, readEvents, type SessionEvent } from './events.ts';
export { findSession, readSession, type SessionRef } from './find.ts';
export { signedPath } from './links.ts';
export { checkPhone, getSessionStatus, listSessions } from './list.ts';
export { getQr, getQrImage } from './pairing.ts';
export {
  answerPasskey,
  confirmPasskey,
  getPasskey,
  PasskeyAssertionInput,
  PasskeyOutput,
} from './passkey.ts';
export { testProxy } from './proxy-test.ts';
export * from './schemas.ts';
export { ExportSessionQuery, exportSession } from './transfer/export.ts';
export {
  explainFlaw,
  IMPORT_WARNING,
  ImportedSessionOutput,
  ImportSessionInput,
  importSession,
} from './transfer/import.ts';
