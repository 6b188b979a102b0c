import type { Shown, Status } from '../../broadcast/campaign-texts.ts';

export const statuses: Record<Shown, string> = {
  scheduled: 'scheduled',
  running: 'running',
  held: 'on hold',
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
