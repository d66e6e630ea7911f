/** Opens an embedded server, says so in one line of JSON, and closes it when its standard input ends. */
import { embeddedPid, openEmbedded, type EmbeddedOptions } from '../../src/store/embedded/index.ts';

const [folder = '', settings = '{}'] = process.argv.slice(2);
const options = JSON.parse(settings) as EmbeddedOptions;
try {
  const embedded = await openEmbedded(folder, options);
  process.stdout.write(`${JSON.stringify({ pid: embeddedPid(folder, options) })}\n`);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
  await embedded.close();
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: (error as Error).message })}\n`);
  process.exitCode = 1;
}
