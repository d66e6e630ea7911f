#!/usr/bin/env node
// Starts the command line. Plain JavaScript that any Node reads: it may be started by a host's Node that is too old
// for the rest, and then hands over to the Node that came with the project.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const found = Number(process.versions.node.split('.')[0]);

if (found >= NEEDED) {
  // Beside the code that it is made from, so that nothing is left in the temp folder; where that can't be written, none.
  nodeModule.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/node-compile-cache', import.meta.url)));
  const source = new URL('../src/main.ts', import.meta.url);
  // The published package holds dist only: Node refuses TypeScript below node_modules.
  const main = existsSync(source) ? source : new URL('../dist/main.js', import.meta.url);
  stopWithStarter();
  const { main: run } = await import(main.href);
  await run(process.argv);
} else {
  const node = ownNode();
  if (node === undefined) {
    process.stderr.write(
      `drawbridge needs Node ${NEEDED} or later; this is ${process.version}, and there is no package with Node for ` +
        `${process.platform}-${process.arch}.\nInstall Node ${NEEDED}, or run "npm install" with optional packages.\n`,
    );
    process.exit(1);
  }
  handOver(node);
}

/** Started by the older Node below: its end, even by kill -9, is ours. */
function stopWithStarter() {
  if (process.channel === undefined || process.channel === null) return;
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

function ownNode() {
  try {
    const require = nodeModule.createRequire(import.meta.url);
    const manifest = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = fileURLToPath(new URL('bin/node', `file://${manifest}`));
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function handOver(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${node} can't be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // Ends the way the child did, so that the caller sees the signal.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
