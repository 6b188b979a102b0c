export const broadcastTemplates = {
  title: 'Templates',
  search: 'Search names and texts',
  create: 'New template',
  name: 'Name',
  nameHint: 'Only you see it.',
  text: 'Text',
  textHint: 'Placeholders in braces are filled in for each recipient.',
  changed: 'Changed',
  noneTitle: 'No templates yet',
  noneText:
    'A template is a text with placeholders, such as {name}, that campaigns fill in for each recipient. Write one and see a preview at once.',
  save: 'Save',
  made: (name: string) => `Template ${name} saved.`,
  saved: 'Saved. Existing campaigns keep their text.',
  back: 'All templates',
  editTitle: 'Edit template',
  delete: 'Delete template',
  deleteSure: (name: string) =>
    `Delete the template ${name}? Campaigns made from it keep their text. Programs that use it get an error.`,
  deleted: 'Template deleted.',
  use: 'Use in a campaign',
};
