/** Runs before each test file, also where files share one process and its modules. */
import { afterAll } from 'vitest';
import { closeTestDatabases } from './database.ts';

afterAll(closeTestDatabases);
