export const broadcastPreview = {
  title: 'Preview',
  empty: 'Write something, and see here how it looks.',
  insert: 'Insert:',
  insertOne: (name: string) => `Insert the placeholder ${name}`,
  missing: (names: string) =>
    `No value for ${names}: that place stays empty. Give a default, as {name|friend}.`,
  nobody: 'The list has no contacts yet.',
  choices: 'Of alternatives such as {{Hello|Hi}} each person gets one, chosen when it is sent.',
  sample: 'A sample person',
  showFor: 'Show it for people of',
  rules: 'How to write placeholders',
  name: 'the name of the person',
  fallback: 'the name, or “friend” when there is none',
  column: 'any column of the list',
  spintax: 'one of them, another one for each person',
};
