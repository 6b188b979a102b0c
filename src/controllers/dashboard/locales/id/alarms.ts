export const alarms = {
  label: 'Perlu perhatian',
  linkAgain: 'Tautkan lagi',
  continueLinking: 'Lanjutkan penautan',
  restart: 'Mulai ulang',
  open: 'Buka',
  more: (n: string) => `${n} lagi`,
};
