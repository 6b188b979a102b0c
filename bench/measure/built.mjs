/**
 * For `--import`, after tsx: what a benchmark imports of src/ comes from dist/, as it ships. What tsx makes of a
 * function names it again each time it is created, and that costs.
 */
import { register } from 'node:module';

register('./built-hooks.mjs', import.meta.url);
