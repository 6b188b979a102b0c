export const alarms = {
  label: 'Perlu perhatian',
  linkAgain: 'Tautkan lagi',
  continueLinking: 'Lanjutkan penautan',
  open: 'Buka',
  more: (n: string) => `${n} lagi`,
};
