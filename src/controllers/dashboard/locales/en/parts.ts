export const parts = {
  filters: 'Filters',
  previous: 'Previous',
  next: 'Next',
  askTeam: 'See who can do this',
  page: (page: number, of: number) => `Page ${page} of ${of}`,
};

export const undo = { undo: 'Undo', tooLong: 'This cannot be undone: it is too long.' };
