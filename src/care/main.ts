/** The tools that look after the data: `backup`, `restore`, `rotate-encryption-key`. */
import { config as readDotenv } from 'dotenv';

// Before anything else is loaded: the tables are built for the dialect that DB_TYPE names.
readDotenv({ quiet: true });
const { runTool } = await import('./tool.ts');
process.exitCode = await runTool(process.argv.slice(2));
