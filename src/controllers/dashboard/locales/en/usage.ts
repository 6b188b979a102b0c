export const usage = { usage: 'Usage', what: 'Resource', used: 'Used', limit: 'Limit', noLimit: 'no limit' };
