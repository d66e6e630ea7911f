import { add, group, type Program } from './command.ts';
import { type ReadOptions, readCommand, type WriteOptions, writeCommand } from './store-copy.ts';
import { infoCommand } from './store-info.ts';
import { recoveredCommand } from './store-recovered.ts';

const AN_EXAMPLE = 'drawbridge-2026-11-25.ndjson.gz';

/** `store export|import|backup|restore|info|recovered` */
export function addStore(program: Program): void {
  const store = group(program, 'store', 'the database: copies of it, what is in it, recovery', 'store info');
  add<object>(program, store, {
    usage: 'info',
    about: 'where the store is, its schema, sizes and counts, its witness, and whether it is in recovery',
    examples: ['store info'],
    run: (context) => infoCommand(context),
  });
  const writers = {
    backup: 'write a whole copy to come back to, while the service may run',
    export: 'write a whole copy to move to another server or PostgreSQL version',
  } as const;
  for (const name of ['backup', 'export'] as const) {
    add<WriteOptions>(program, store, {
      usage: name,
      about: writers[name],
      examples: [`store ${name}`, `store ${name} -o /backup/${AN_EXAMPLE}`],
      options: (command) =>
        command.option('-o, --output <file>', 'the new file; gzip when it ends with .gz (default: named by the time)'),
      run: (context, options) => writeCommand(context, name, options),
    });
  }
  const readers = {
    restore: 'go back to a copy of this store; it starts in recovery',
    import: 'fill an empty store from a copy, also one of an older version',
  } as const;
  for (const name of ['restore', 'import'] as const) {
    add<ReadOptions>(program, store, {
      usage: `${name} <file>`,
      about: readers[name],
      examples: [`store ${name} ${AN_EXAMPLE}`, `store ${name} ${AN_EXAMPLE} --replace --yes`],
      options: (command) => {
        command
          .option('--replace', 'take away what the store holds now')
          .option('--yes', 'with --replace: it is meant');
        if (name === 'restore') return command;
        return command.option(
          '--witness <file>',
          'the witness of the old place, which shows that the copy is the newest',
        );
      },
      run: (context, options, file = '') => readCommand(context, name, file, options),
    });
  }
  add<{ reason: string }>(program, store, {
    usage: 'recovered',
    about: 'end the recovery: the store is right as it is, and access is given and taken again',
    examples: ['store recovered --reason "restored after the disk failure, Okta has sent everything again"'],
    options: (command) => command.requiredOption('--reason <text>', 'why it is right, for the history'),
    run: (context, options) => recoveredCommand(context, options.reason),
  });
}
