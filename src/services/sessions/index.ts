/** The verbs about sessions. */
export { logoutSession, restartSession } from './control.ts';
export { createSession } from './create.ts';
export { cleanupSessions, deleteSession } from './delete.ts';
export { type EnsuredSession, ensureQr, ensureSession } from './ensure.ts';
export { type FollowedSession, followSession, readEvents, type SessionEvent } from './events.ts';
export { findSession, readSession, type SessionRecord, type SessionRef } from './find.ts';
export { makeSessionLinks, type SessionLinks, signedPath } from './links.ts';
export { checkPhone, getSessionStatus, type ListSessionsInput, listSessions } from './list.ts';
export { getQr, getQrImage } from './pairing.ts';
export * from './schemas.ts';
export { createWaker, type Waker } from './waker.ts';
