import type { Reason, Status, Words } from '../../sessions/reasons.ts';

const WAIT =
  'It reconnects by itself; what is queued waits. Nothing to do, unless many sessions do so at once: then look at the network.';

export const states: Record<Status | 'unlinked', string> = {
  connecting: 'Connecting',
  qr: 'Waiting for the phone',
  passkey: 'Passkey needed',
  passkey_confirm: 'Compare the codes',
  connected: 'Connected',
  disconnected: 'Reconnecting',
  logged_out: 'Logged out',
  replaced: 'Replaced',
  failed: 'Stopped',
  unlinked: 'Not linked',
};

export const reasons: Record<Reason, Words> = {
  connection_lost: ['The connection to WhatsApp broke.', WAIT],
  timed_out: ['WhatsApp did not answer in time.', WAIT],
  unavailable: ['WhatsApp has trouble of its own at the moment.', WAIT],
  stalled: ['Nothing came from WhatsApp any more, so the connection was closed.', WAIT],
  restart_required: ['WhatsApp asked for a new connection.', WAIT],
  untrusted_server: [
    'The server could not prove to be WhatsApp.',
    'A proxy opens encrypted connections on the way, or the WA_SERVER settings are wrong: ask whoever runs this service.',
  ],
  pairing_expired: ['Nobody linked a phone in time.', 'Show a new code and scan it.'],
  passkey_expired: [
    'WhatsApp asked for a passkey, and nobody signed in time.',
    'Show a new code, scan it, and sign within ten minutes.',
  ],
  passkey_refused: [
    'WhatsApp did not accept the passkey signature.',
    'Sign with the passkey of this WhatsApp account. If it is refused again, scan a new code.',
  ],
  passkey_phone_away: [
    'The phone did not answer after the signature.',
    'Keep WhatsApp open on the phone, show a new code and scan it.',
  ],
  passkey_code_differed: [
    'The code on the phone was another one, so nothing was linked.',
    'Show a new code and scan it. If the codes differ again, do not link on this network.',
  ],
  passkey_malformed: [
    'WhatsApp sent a passkey request that this version cannot read.',
    'Show a new code and scan it. If it happens again, ask whoever runs this service for an update.',
  ],
  credentials_unreadable: [
    'The stored credentials of this session cannot be read at the moment.',
    'Whoever runs the service must put the encryption key back; then it connects by itself. Do not link it again.',
  ],
  user_disabled: ['The user of this session is disabled.', 'An administrator can enable the user again.'],
  device_removed: [
    'The phone has removed this device from its linked devices.',
    'Link the phone again: the old credentials are gone.',
  ],
  replaced: [
    'Another program runs with the same credentials and took the connection over.',
    'End that program, then restart this session.',
  ],
  importing: [
    'A link is being imported, or its import was cut off.',
    'Wait a few minutes. If nothing changes, import it again, or link the phone by a new code.',
  ],
  replaced_after_import: [
    'The program that this link was imported from still runs and took the connection back.',
    'Stop that program for this number, then restart this session. Both cannot use one link.',
  ],
  exported: [
    'The link was exported, to be used by another program.',
    'To use it here again, stop that program, then restart this session.',
  ],
  client_outdated: [
    'WhatsApp does not accept this version of the client any more.',
    'The service tries again every few minutes. Ask whoever runs it for an update.',
  ],
  forbidden: [
    'WhatsApp has banned this number, for a time or for good.',
    'Open WhatsApp on the phone and ask for a review there. Do not restart again and again.',
  ],
  bad_session: [
    'WhatsApp does not know the credentials of this session any more.',
    'Log out here, then link the phone again.',
  ],
  phone_mismatch: [
    'Another phone than the expected one was linked; it was logged out again at once.',
    'Link the right phone.',
  ],
  duplicate_phone: [
    'This phone already has another active session of yours.',
    'Use that session, or delete it and link again here.',
  ],
};

export const byStatus: Record<Status, Words> = {
  connecting: ['The connection opens.', ''],
  qr: ['There is a code for the phone.', 'Scan it, or type the pairing code in.'],
  passkey: [
    'WhatsApp asks for the passkey of this account before it links the number.',
    'Sign with it in a browser: the linking page leads through it.',
  ],
  passkey_confirm: ['The phone shows a code.', 'Compare it on the linking page.'],
  connected: ['', ''],
  disconnected: ['Not connected at the moment.', WAIT],
  logged_out: ['This session was logged out here.', 'Link a phone again, or delete the session.'],
  replaced: ['Another connection took the place of this one.', 'Restart the session.'],
  failed: [
    'The session cannot go on by itself.',
    'Restart it; if that does not help, log out and link again.',
  ],
};
