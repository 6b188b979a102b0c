/** The service's entry: configuration from the environment and `.env`, then everything until a signal comes. */
import './whatsapp/baileys/preload.ts';
import './whatsapp/baileys/native-curve.ts';
import './whatsapp/baileys/native-hash.ts';
import { config as readDotenv } from 'dotenv';

// Before anything else is loaded: the tables are built for the dialect that DB_TYPE names.
readDotenv({ quiet: true });
const { runService } = await import('./service.ts');
await runService();
