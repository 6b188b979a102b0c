import type { Reason, Status, Words } from '../../sessions/reasons.ts';

const WAIT =
  'It reconnects by itself, and queued messages wait. If many sessions show this, check the network.';

export const states: Record<Status | 'unlinked', string> = {
  connecting: 'Connecting',
  qr: 'Waiting to be scanned',
  passkey: 'Passkey needed',
  passkey_confirm: 'Compare codes',
  connected: 'Connected',
  disconnected: 'Reconnecting',
  logged_out: 'Logged out',
  replaced: 'Opened elsewhere',
  failed: 'Stopped',
  unlinked: 'Not linked',
};

export const reasons: Record<Reason, Words> = {
  connection_lost: ['The connection to WhatsApp was lost.', WAIT],
  timed_out: ['WhatsApp did not respond in time.', WAIT],
  unavailable: ['WhatsApp is having problems.', WAIT],
  stalled: ['WhatsApp stopped sending data, so the connection was closed.', WAIT],
  restart_required: ['WhatsApp asked to reconnect.', WAIT],
  untrusted_server: [
    'The server could not prove that it is WhatsApp.',
    'A proxy may be opening encrypted connections, or the WA_SERVER settings are wrong. Ask your administrator.',
  ],
  proxy_unreachable: [
    'The proxy of this session cannot be reached. The session does not connect without it.',
    'Check that the proxy is running and its address is right. The session tries again by itself.',
  ],
  proxy_unauthorized: [
    'The proxy refused the username and password. The session does not connect without it.',
    'Enter the address again in the session’s settings.',
  ],
  proxy_refused: [
    'The proxy refused to connect to WhatsApp. The session does not connect without it.',
    'Ask your proxy provider to allow web.whatsapp.com and whatsapp.net on port 443.',
  ],
  proxy_not_allowed: [
    'The proxy address is private or belongs to this server, so it cannot be used.',
    'Use a proxy on the public internet, or ask your administrator to allow private ones.',
  ],
  pairing_expired: ['The phone was not linked in time.', 'Show a new code and scan it.'],
  passkey_expired: [
    'WhatsApp asked for a passkey, and it was not signed in time.',
    'Show a new code, scan it, and sign within ten minutes.',
  ],
  passkey_refused: [
    'WhatsApp refused the passkey signature.',
    'Sign with the passkey of this WhatsApp account. If it is refused again, scan a new code.',
  ],
  passkey_phone_away: [
    'The phone did not respond after the signature.',
    'Keep WhatsApp open on the phone, show a new code and scan it.',
  ],
  passkey_code_differed: [
    'The phone showed a different code, so nothing was linked.',
    'Show a new code and scan it. If the codes differ again, do not link on this network.',
  ],
  passkey_malformed: [
    'WhatsApp sent a passkey request that this version cannot read.',
    'Show a new code and scan it. If it happens again, ask your administrator for an update.',
  ],
  credentials_unreadable: [
    'The stored credentials of this session cannot be read.',
    'Your administrator must restore the encryption key. The session then connects by itself. Do not link it again.',
  ],
  user_disabled: ['The user of this session is disabled.', 'An administrator can enable the user again.'],
  device_removed: ['This device was removed on the phone.', 'Link the phone again.'],
  replaced: [
    'Another program is using the same credentials and took over the connection.',
    'Stop that program, then restart this session.',
  ],
  importing: [
    'A link is being imported, or its import was interrupted.',
    'Wait a few minutes. If nothing changes, import it again, or link the phone with a new code.',
  ],
  import_interrupted: [
    'The import was interrupted because the server stopped. Nothing was saved.',
    'Import the link again, or link the phone with a new code.',
  ],
  replaced_after_import: [
    'The old program is still running and took the connection back.',
    'Stop that program for this number, then restart this session. Both cannot use one link.',
  ],
  exported: [
    'The link was exported for another program.',
    'To use it here again, stop that program, then restart this session.',
  ],
  client_outdated: [
    'WhatsApp no longer accepts this version of the client.',
    'The service tries again every few minutes. Ask your administrator for an update.',
  ],
  forbidden: [
    'WhatsApp banned this number, for a time or permanently.',
    'Open WhatsApp on the phone and request a review. Do not restart the session again and again.',
  ],
  bad_session: [
    'WhatsApp no longer accepts the credentials of this session.',
    'Unlink the device here, then link the phone again.',
  ],
  phone_mismatch: [
    'A different phone than expected was linked, so it was unlinked at once.',
    'Link the right phone.',
  ],
  duplicate_phone: [
    'You already have another active session with this phone.',
    'Use that session, or delete it and link the phone here again.',
  ],
};

export const byStatus: Record<Status, Words> = {
  connecting: ['Connecting to WhatsApp.', ''],
  qr: ['A code is waiting to be scanned.', 'Scan it, or enter the pairing code on the phone.'],
  passkey: [
    'WhatsApp asks for the passkey of this account before it links the number.',
    'Sign in a browser. The linking page guides you.',
  ],
  passkey_confirm: ['The phone shows a code.', 'Compare it on the linking page.'],
  connected: ['', ''],
  disconnected: ['Not connected.', WAIT],
  logged_out: ['This session was unlinked here.', 'Link a phone again, or delete the session.'],
  replaced: ['This number was opened elsewhere.', 'Restart the session.'],
  failed: [
    'The session stopped and cannot continue by itself.',
    'Restart it. If that does not help, unlink the device and link the phone again.',
  ],
};
