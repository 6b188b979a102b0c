export const broadcastFromChats = {
  title: 'Add people from conversations',
  about: 'Adds everyone who has written to a session lately. People already on the list stay as they are.',
  session: 'Session',
  days: 'Days',
  daysHint: 'How far back to look, up to 365 days.',
  optedOut: 'Also add people who have opted out (broadcasts still skip them)',
  add: 'Add people',
  done: (added: string, existing: string, optedOut: string, withoutNumber: string) =>
    `Added: ${added}. Already on the list: ${existing}. Left out because they opted out: ${optedOut}. Without a known number: ${withoutNumber}.`,
};
