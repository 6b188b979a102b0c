export const failure = {
  title: 'Something went wrong',
  missing: 'Not found',
  check: 'Please check these fields:',
  back: 'Back to overview',
  id: (id: string) => `Request ID: ${id}`,
};
