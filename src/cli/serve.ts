import { Option } from 'commander';
import { kinds } from '../app/kinds.ts';
import { tell } from '../app/live.ts';
import { type Service, startService } from '../app.ts';
import { loadSettings } from '../config/load.ts';
import { countProblems } from '../config/render.ts';
import { createLog } from '../log.ts';
import { add, type Program } from './command.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { keepServing } from './io.ts';
import { loadViewsOf } from './planning.ts';
import { untilSignal } from './signals.ts';
import { version } from './version.ts';

/** When asked to end before it had started: how long the start may still take. Milliseconds. */
const START_PATIENCE = 20_000;

/** `serve` */
export function addServe(program: Program): void {
  add<{ role: string }>(program, program.root, {
    usage: 'serve',
    about: 'the service: takes what SCIM clients send, plans, and carries out',
    examples: ['serve', 'serve --config /etc/drawbridge/drawbridge.yaml'],
    options: (command) =>
      command.addOption(
        new Option('--role <role>', 'part of the work that this process does')
          .choices(['all', 'api', 'sync', 'worker'])
          .default('all'),
      ),
    run: (context, options) => serve(context, options.role),
  });
}

async function serve(context: Context, role: string): Promise<undefined> {
  if (role !== 'all') {
    throw new CommandError(EXIT.usage, `--role ${role} is not possible in this version`, {
      remedy: 'Leave it out: one process does all of the work.',
    });
  }
  const { io, secrets } = context;
  const settings = context.settings();
  const { views, problems } = await loadViewsOf(context, true);
  if (views === undefined) {
    throw new CommandError(EXIT.usage, `the rules can't be used: ${countProblems(problems)}`, { problems });
  }
  keepServing();
  const log = createLog({ level: settings.log.level, secrets });
  const giveUp = (error: unknown): void => {
    log.fatal({ err: error }, 'the service ends because of an error that it did not foresee');
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', giveUp);
  for (const problem of problems) tell(log, problem);

  const asked = untilSignal();
  const starting = startService(settings, {
    log,
    secrets,
    views,
    version: version(),
    firstTokens: true,
    read: () => {
      const loaded = loadSettings({ file: context.file, env: io.env, kinds });
      for (const value of loaded.secrets) secrets.add(value);
      return loaded;
    },
  });
  const first = await Promise.race([starting, asked]);
  if (first === undefined) setTimeout(() => process.exit(EXIT.failed), START_PATIENCE).unref();
  const service = await starting;
  const onHangUp = (): void => void service.reload();
  process.on('SIGHUP', onHangUp);
  if (first !== undefined) {
    io.out(`${welcome(service)}ready ${service.url}\n`);
    log.info({ url: service.url, version: version() }, 'serving');
    await asked;
  }
  log.info('stopping: no new requests, what runs is ended');
  await service.close();
  log.info('stopped');
  process.off('SIGHUP', onHangUp).off('uncaughtException', giveUp);
  return undefined;
}

/** What a first start tells: where the client has to write, and with what. */
function welcome(service: Service): string {
  if (service.firstTokens.length === 0) return '';
  const lines = service.firstTokens.flatMap(({ source, token }) => [
    `SCIM address of source ${source}: ${service.scimUrl}/scim/${source}/v2`,
    `SCIM token of source ${source}:   ${token}`,
  ]);
  return `${lines.join('\n')}\nTokens are shown this once; make others with: drawbridge tokens create\n`;
}
