export const failure = {
  title: 'That did not work',
  missing: 'Not found',
  back: 'Back to the overview',
  id: (id: string) => `Request ${id}`,
};
