import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import type { Log } from '../log.ts';
import type { Metrics } from './metrics.ts';
import { page } from './page.ts';
import { type Readiness, sendReadiness } from './ready.ts';
import { observeRequests } from './requests.ts';

export interface WebOptions {
  /** Serves everything below /scim; undefined where that has an address of its own. */
  readonly scim: RequestHandler | undefined;
  /** Proxies whose X-Forwarded-For and -Proto are believed: addresses and ranges. */
  readonly trustProxy?: readonly string[];
  readonly metrics: Metrics;
  readonly log: Log;
  readonly version: string;
  /** Ids of the sources that SCIM clients write to, as the settings have them now. */
  sources(): readonly string[];
  readiness(): Promise<Readiness>;
  /** Where SCIM clients reach the service. */
  url(): string;
}

const READINESS_LIMIT_MS = 5_000;

/** All that is served over HTTP. */
export function createWeb(options: WebOptions): Express {
  const app = express();
  prepare(app, options.trustProxy);
  app.use(observeRequests(options.log, options.metrics, (id) => options.sources().includes(id)));
  app.get('/healthz', (_request, response) => void response.type('text').send('ok\n'));
  // Answers of SCIM are for programs: of helmet's headers only this one means something to them, and it is a hot path.
  if (options.scim !== undefined) app.use('/scim', apiHeaders, options.scim);
  app.use(helmet({ contentSecurityPolicy: { directives: { 'style-src': ["'self'", "'unsafe-inline'"] } } }));
  app.get('/readyz', (_request, response) => sendReadiness(response, () => options.readiness(), READINESS_LIMIT_MS));
  app.get('/metrics', async (_request, response) => {
    const text = await options.metrics.text();
    response.setHeader('content-type', options.metrics.contentType);
    response.end(text);
  });
  app.get('/', (_request, response) => {
    const { version } = options;
    response.type('html').send(page({ version, url: options.url(), sources: options.sources() }));
  });
  app.use((_request, response) => void response.status(404).json({ error: 'There is nothing at this path.' }));
  app.use(failed(options.log));
  return app;
}

/** SCIM and nothing else, for an address that is open to the outside. `allowed` looks at clients behind a proxy. */
export function createScimWeb(
  options: Pick<WebOptions, 'metrics' | 'log' | 'sources' | 'trustProxy'> & {
    readonly scim: RequestHandler;
    readonly allowed?: ((address: string) => boolean) | undefined;
    refuse(request: Request, response: Response, status: number, message: string): void;
  },
): Express {
  const { allowed, refuse } = options;
  const app = express();
  prepare(app, options.trustProxy);
  app.use(observeRequests(options.log, options.metrics, (id) => options.sources().includes(id)));
  app.use(apiHeaders);
  if (allowed !== undefined) {
    app.use((request, response, next) => {
      if (allowed(request.ip ?? '')) next();
      else refuse(request, response, 403, 'Your address is not among those that may connect.');
    });
  }
  app.use('/scim', options.scim);
  app.use((request, response) => refuse(request, response, 404, 'Here is only SCIM: /scim/SOURCE/v2.'));
  app.use(failed(options.log));
  return app;
}

function prepare(app: Express, trustProxy: readonly string[] | undefined): void {
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustProxy === undefined || trustProxy.length === 0 ? false : trustProxy);
}

const apiHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  next();
};

/** The client learns nothing of our insides. Express wants all four arguments. */
function failed(log: Log): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'a request failed');
    if (response.headersSent) return next(error);
    response
      .status(status)
      .json({ error: status >= 500 ? 'The request failed here; the log says why.' : 'Bad request.' });
  };
}

/** Express marks what a client did wrong (a path that can't be decoded, say). */
function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}
