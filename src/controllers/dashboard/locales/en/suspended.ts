export const suspended = {
  title: 'This workspace is suspended',
  about: (name: string) =>
    `${name} was suspended by the administrator of the service. Nothing is sent. Nothing is lost: received messages are stored, and waiting messages go on when the workspace is active again.`,
  reason: 'Reason',
  ask: 'Ask the administrator of the service to activate it again.',
  others: 'Your other workspaces',
  go: 'Open',
};
