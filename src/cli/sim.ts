import { startSim } from '../targets/strongdm/sim/index.ts';
import { add, group, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { untilSignal } from './signals.ts';

interface SimOptions {
  readonly port: string;
  readonly seed?: string;
  readonly faults?: string;
  readonly state?: string;
  readonly withStarter?: boolean;
}

/** `sim strongdm` */
export function addSim(program: Program): void {
  const sim = group(program, 'sim', 'simulators, to rehearse on', 'sim strongdm --seed demo');
  add<SimOptions>(program, sim, {
    usage: 'strongdm',
    about: 'a StrongDM that is none: the real wire protocol, plain text, on this machine only',
    examples: [
      'sim strongdm --seed demo',
      'sim strongdm --port 5500 --state strongdm.journal --faults rate=0.1,seed=7',
    ],
    options: (command) =>
      command
        .option('--port <n>', 'port on 127.0.0.1; 0 takes a free one', '0')
        .option('--seed <what>', 'empty, demo, or a number of users (default: empty)')
        .option(
          '--faults <list>',
          'what goes wrong and how often, such as rate=0.1,lost=0.02,slow=20ms,skew=-1d,seed=7',
        )
        .option('--state <file>', 'journal: what was done survives a restart')
        .option('--with-starter', 'end when standard input ends, as it does when the starting process dies'),
    run: (context, options) => serveSim(context, options),
  });
}

async function serveSim(context: Context, options: SimOptions): Promise<undefined> {
  const { io } = context;
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new CommandError(EXIT.usage, `--port: "${options.port}" is no port`, {
      remedy: 'Give a number from 0 to 65535.',
    });
  }
  const [accessKey, secretKey] = [io.env['SDM_API_ACCESS_KEY'], io.env['SDM_API_SECRET_KEY']];
  const sim = await startSim({
    port,
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.faults === undefined ? {} : { faults: options.faults }),
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(accessKey === undefined || secretKey === undefined ? {} : { accessKey, secretKey }),
  }).catch((error: unknown) => {
    throw new CommandError(
      EXIT.failed,
      `the simulator can't start: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const address = `${sim.host}:${sim.port}`;
  const { accessKey: access, secretKey: secret } = sim;
  io.out(
    context.json
      ? `${JSON.stringify({ host: address, accessKey: access, secretKey: secret }, null, 2)}\n`
      : `SDM_API_HOST=${address}\nSDM_API_ACCESS_KEY=${access}\nSDM_API_SECRET_KEY=${secret}\nready ${address}\n`,
  );
  await untilSignal(options.withStarter === true);
  await sim.close();
  return undefined;
}
