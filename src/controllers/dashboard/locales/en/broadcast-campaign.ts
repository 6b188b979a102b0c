import type { Status } from '../../broadcast/campaign-texts.ts';

export const statuses: Record<Status, string> = {
  scheduled: 'scheduled',
  running: 'running',
  paused: 'paused',
  stopped: 'stopped',
  completed: 'completed',
  failed: 'failed',
};

export const meanings: Record<Status, string> = {
  scheduled: 'Waiting for its start time.',
  running: 'Messages are being sent.',
  paused: 'Nothing is sent. When you resume, it continues with the next person. No one gets a message twice.',
  stopped: 'Ended for good. People who had not been reached get nothing.',
  completed: 'Everyone who could be reached got the message.',
  failed: 'It cannot continue.',
};

/** Why a campaign is paused, stopped or failed. */
export const reasons: Record<string, string> = {
  user: '',
  cloned: 'This copy has not started. Check it, edit it, then start it.',
  failure_rate: 'Paused because too many messages failed. Check the reasons below before you resume.',
  refusal_rate:
    'Paused because WhatsApp refused messages. Continuing would put your number at risk. Wait a few hours, slow down, and make sure these people expect your message.',
  session_logged_out: 'Paused because the phone was unlinked. It continues when you link the phone again.',
  session_replaced:
    'Paused because the number was opened elsewhere. It continues when the session is connected again.',
  session_failed: 'Paused because the session stopped. It continues when the session is connected again.',
  restored:
    'Paused because a backup was restored. People reached after the backup would get the message again. Check before you resume.',
  session_deleted: 'Its session was deleted.',
  list_deleted: 'The list was deleted before all its contacts were copied.',
};

export const waiting: Record<string, string> = {
  recipients: 'Collecting recipients.',
  session_disconnected: 'The session is not connected. The campaign continues by itself.',
  session_logged_out:
    'The last messages wait for a number that was unlinked. Link it again, or stop the campaign.',
  session_replaced: 'The last messages wait for a number that was opened elsewhere.',
  session_failed: 'The last messages wait for a session that stopped.',
  daily_cap: 'The daily limit is reached. The campaign continues tomorrow.',
  quota_day: 'All messages of today in your plan are used. The campaign continues after midnight UTC.',
  quota_month: 'All messages of this month in your plan are used. The campaign continues next month.',
  workspace_suspended: 'The workspace is suspended. The campaign continues when it is resumed.',
  quiet_hours: 'It is night for the next recipients. The campaign continues in the morning.',
  new_contacts: 'The limit for new people is reached. People who know this number get the message first.',
  no_sender: 'None of its numbers can send now. The campaign continues by itself.',
  number_check: 'WhatsApp is not answering number checks. They are tried again by themselves.',
};

/** The outcome for one recipient. */
export const fates: Record<string, string> = {
  new_contacts: 'waiting for the daily limit of new people',
  no_sender: 'waiting for one of the numbers',
  opted_out: 'opted out',
  not_on_whatsapp: 'not on WhatsApp',
  invalid: 'invalid phone number',
  duplicate: 'duplicate of another number on the list',
  empty_message: 'the text was empty for this person',
  message_too_long: 'the text was too long for WhatsApp',
  canceled: 'canceled',
  stopped: 'the campaign was stopped first',
  failed: 'the campaign failed first',
  quiet: 'night in their time zone',
  expired: 'not sent in time',
  unknown: 'unknown reason',
  SEND_FAILED: 'could not be sent',
  NOT_ON_WHATSAPP: 'not on WhatsApp',
  SESSION_DELETED: 'the session was deleted',
  NOT_CONNECTED: 'the session was not connected',
  '463': 'WhatsApp does not let the number start this conversation',
  '479': 'WhatsApp did not accept the devices of the recipient',
};
