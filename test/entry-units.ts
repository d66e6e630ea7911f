/** The tests that share one process and one PostgreSQL server. */
import { runFiles } from './entry.ts';

runFiles(JSON.parse(process.env['DRAWBRIDGE_TEST_UNITS'] ?? '[]') as string[]);
