/** The tests that start processes, each in a folder of its own, and mostly wait for them. */
import { runFiles } from './entry.ts';

runFiles(JSON.parse(process.env['DRAWBRIDGE_TEST_PROCESSES'] ?? '[]') as string[]);
