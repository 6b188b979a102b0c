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
