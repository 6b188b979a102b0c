#!/usr/bin/env node
/**
 * `npm run fuzz`: 20,000 requests that are made up from the OpenAPI document, at the whole service on the emulator.
 * FUZZ_REQUESTS and FUZZ_SEED choose others; a failure prints the seed and the smallest request that shows it.
 */
import { run } from './bootstrap.mjs';

const requests = process.env.FUZZ_REQUESTS ?? '20000';
const env = { NODE_ENV: 'test', DB_TYPE: process.env.DB_TYPE ?? 'sqlite', FUZZ_REQUESTS: requests };
process.exitCode = await run('vitest', ['run', 'tests/fuzz'], { env });
