export const numberHint = {
  reads: (number: string, country: string) => (country === '' ? number : `${number}, ${country}`),
  lid: 'The address of somebody whose number is not known.',
  group: 'A group.',
  choose: (readings: string) => `Write ${readings}.`,
  username: 'WhatsApp usernames cannot be written to yet: give the phone number.',
  none: 'Not a phone number yet.',
  letters: 'A phone number has no letters.',
  leftover: 'There is more here than a phone number.',
  two_numbers: 'Write one number alone.',
  digits_lost: 'A spreadsheet has shortened it: write all digits.',
  ambiguous: 'May belong to another country: write it with + and its country code.',
};
