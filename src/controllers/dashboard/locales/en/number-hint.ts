export const numberHint = {
  reads: (number: string, country: string) => (country === '' ? number : `${number}, ${country}`),
  lid: 'A WhatsApp contact whose number is hidden.',
  group: 'A WhatsApp group.',
  choose: (readings: string) => `Did you mean ${readings}?`,
  username: 'WhatsApp usernames are not supported yet. Enter the phone number.',
  none: 'Keep typing the phone number.',
  letters: 'A phone number cannot contain letters.',
  leftover: 'Enter only the phone number.',
  two_numbers: 'Enter one number only.',
  digits_lost: 'A spreadsheet shortened this number. Enter all its digits.',
  ambiguous: 'This could be a number in another country. Start with + and the country code.',
};
