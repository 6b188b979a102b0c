/** Why a session is as it is: what `reason` of its row says. */
import type { CloseReason } from '../../whatsapp/engine.ts';

/** Ends of a socket that never become a session's reason. */
type Silent = 'closed_by_us' | 'ownership_lost' | 'logged_out';

/** Ends of a socket after which the session connects by itself, or waits to be linked. */
export type PassingReason = Exclude<
  CloseReason,
  Silent | 'replaced' | 'forbidden' | 'bad_session' | 'client_outdated'
>;

export type SessionReason =
  | Exclude<CloseReason, Silent>
  | 'device_removed'
  | 'phone_mismatch'
  | 'duplicate_phone'
  | 'importing'
  | 'import_interrupted'
  | 'replaced_after_import'
  | 'exported'
  | 'user_disabled';
