import type { Status } from '../../broadcast/campaign-texts.ts';

export const statuses: Record<Status, string> = {
  scheduled: 'scheduled',
  running: 'running',
  paused: 'paused',
  stopped: 'stopped',
  completed: 'finished',
  failed: 'failed',
};

export const meanings: Record<Status, string> = {
  scheduled: 'It has not begun. Nothing is sent before its time.',
  running: 'Messages are being sent, one after the other.',
  paused: 'Nothing is sent. It goes on with the next person when you resume it; nobody gets a message twice.',
  stopped: 'It was ended for good. Whoever had not been written to gets nothing.',
  completed: 'Everybody was written to who could be.',
  failed: 'It cannot go on.',
};

/** Why a campaign is paused, stopped or failed. */
export const reasons: Record<string, string> = {
  user: '',
  cloned: 'This is a copy that has not begun: look at it, change it, then start it.',
  failure_rate: 'It paused itself because too many messages failed. See the reasons below before you go on.',
  refusal_rate:
    'It paused itself because WhatsApp refused messages: sending on would endanger the number. Wait some hours, slow down, and ask whether these people expect to hear from you.',
  session_logged_out:
    'It paused itself because the session was logged out. It goes on when the phone is linked again.',
  session_replaced:
    'It paused itself because the session was opened elsewhere. It goes on when it is connected again.',
  session_failed: 'It paused itself because the session has failed. It goes on when it is connected again.',
  session_deleted: 'The session it belonged to was deleted.',
  list_deleted: 'The list was deleted before everybody on it had been taken over.',
};

export const waiting: Record<string, string> = {
  recipients: 'The recipients are being collected.',
  session_disconnected: 'The session is not connected at the moment: it goes on by itself when it is.',
  daily_cap: 'The most for today is sent: it goes on tomorrow by itself.',
  quiet_hours: 'It is night where the next people live: it goes on in the morning by itself.',
  number_check:
    'WhatsApp does not say at the moment whether the next numbers exist: it asks again by itself.',
};

/** What became of one recipient. */
export const fates: Record<string, string> = {
  opted_out: 'opted out',
  not_on_whatsapp: 'not on WhatsApp',
  invalid: 'not a phone number',
  duplicate: 'stands on the list under another number, too',
  empty_message: 'the text was empty for them',
  message_too_long: 'the text was longer than WhatsApp takes: shorten it, or their values',
  canceled: 'taken off the queue',
  stopped: 'the campaign was stopped before',
  failed: 'the campaign failed before',
  quiet: 'it is night where they live',
  expired: 'was not sent in time',
  unknown: 'unknown',
  SEND_FAILED: 'could not be sent',
  NOT_ON_WHATSAPP: 'not on WhatsApp',
  SESSION_DELETED: 'the session was deleted',
  NOT_CONNECTED: 'the session was not connected',
  '463': 'WhatsApp refused it: the number writes to too many strangers',
  '479': 'WhatsApp refused it: the message could not be read there',
};
