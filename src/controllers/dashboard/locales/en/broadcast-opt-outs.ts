export const broadcastOptOuts = {
  title: 'Opt-outs',
  about:
    'Broadcasts skip these numbers on all your sessions. They still get login codes and single messages.',
  search: 'Search numbers, keywords and notes',
  number: 'Number',
  why: 'Reason',
  note: 'Note',
  since: 'Since',
  wrote: (word: string) => `replied ${word}`,
  manual: 'added manually',
  import: 'imported',
  remove: 'Remove',
  removeSure: (number: string) => `Allow broadcasts to ${number} again?`,
  removed: (number: string) => `${number} can get broadcasts again.`,
  restored: (number: string) => `${number} is on the list again, as before.`,
  noneTitle: 'No opt-outs yet',
  noneText:
    'Anyone who replies STOP, BERHENTI or UNSUBSCRIBE is added at once. You can also add numbers yourself or import a file.',
  addTitle: 'Add numbers',
  numbers: 'Numbers',
  numbersHint: 'One per line, in any usual format, up to 1,000.',
  add: 'Add',
  added: (added: number, existing: number) =>
    existing === 0
      ? `${added.toLocaleString('en')} added.`
      : `${added.toLocaleString('en')} added, ${existing.toLocaleString('en')} already listed.`,
  importTitle: 'Import a file',
  importText: 'A CSV file with a column of numbers and, optionally, notes.',
  export: 'Export as CSV',
  wordsTitle: 'Opt-out keywords',
  wordsText: (builtIn: string) =>
    `These always work if they are the whole message, in upper or lower case: ${builtIn}. Add your own:`,
  ownWords: 'Your keywords',
  wordsHint: 'One per line, up to 50.',
  save: 'Save',
  wordsSaved: 'Keywords saved.',
  noWords: 'none',
};
