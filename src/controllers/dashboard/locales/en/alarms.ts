export const alarms = {
  label: 'Needs attention',
  linkAgain: 'Link again',
  continueLinking: 'Continue linking',
  restart: 'Restart',
  open: 'Open',
  more: (n: string) => `${n} more`,
};
