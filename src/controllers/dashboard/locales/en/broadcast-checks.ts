export const broadcastChecks = {
  title: 'Check numbers',
  about:
    'Find out which numbers are on WhatsApp. About 50 are checked every 10 seconds, so that the session does not look like a spammer.',
  session: 'Session',
  numbers: 'Numbers',
  numbersHint: 'Up to 1,000, one on each line.',
  start: 'Check numbers',
  started: 'The check has started.',
  noSessionTitle: 'No session yet',
  noSessionText: 'A connected session asks WhatsApp about the numbers.',
  newSession: 'New session',
  past: 'Checks',
  begun: 'Started',
  state: 'Status',
  progress: 'Progress',
  noneTitle: 'No checks yet',
  noneText: 'Checks are kept here for 30 days.',
  checkOf: (total: string) => `Check of ${total} numbers`,
  back: 'All checks',
  doneOf: (done: string, total: string) => `${done} of ${total} numbers`,
  leave: 'You can leave this page. The check continues.',
  cancel: 'Stop the check',
  cancelSure: 'Stop this check? What it has found stays.',
  canceled: 'The check has stopped.',
  download: 'Download all as CSV',
  number: 'Number',
  result: 'Result',
  account: 'WhatsApp account',
  all: 'All',
  filter: 'Filter results',
  waitingSince: 'Waiting since',
  nextAttempt: 'Next attempt:',
  givesUp: 'The check fails if there is no answer by',
  readings: (numbers: string) => `Unclear: enter ${numbers}.`,
  gaveUp: 'WhatsApp did not answer for a day.',
  neverConnected: 'The session was not connected for a day.',
};

export const checkStatuses = {
  running: 'in progress',
  completed: 'completed',
  canceled: 'stopped',
  failed: 'failed',
};

export const checkedStates = {
  pending: 'waiting',
  registered: 'on WhatsApp',
  not_registered: 'not on WhatsApp',
  unknown: 'no answer',
  invalid: 'not a number',
};

export const checkReasons = {
  not_connected: 'The session is not connected. The check continues when it is.',
  no_answer: 'WhatsApp does not answer. The check is tried again.',
  session_deleted: 'The session was deleted.',
};
