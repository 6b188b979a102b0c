import type { Page } from '../page.ts';
import { drawnPages } from './drawn.tsx';
import { personPages } from './person.tsx';
import { phonePages as listPages } from './phones.tsx';

export const phonePages: Page[] = [...listPages, ...personPages, ...drawnPages];
