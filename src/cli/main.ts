/** The tools that look after the data: `backup`, `restore`, `import-session`, `rotate-encryption-key`. */
import { config as readDotenv } from 'dotenv';

// Before anything else is loaded: the tables are built for the dialect that DB_TYPE names.
readDotenv({ quiet: true });
// As the service does: only the service may read backups and restored files.
process.umask(0o077);
try {
  const { runTool } = await import('./tool.ts');
  process.exitCode = await runTool(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Error && error.name === 'StartError')) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
