export const usage = { usage: 'Usage', what: 'What', used: 'Used', limit: 'Limit' };
