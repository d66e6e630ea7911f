import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Log } from '../log.ts';
import type { Metrics } from './metrics.ts';

const USABLE_ID = /^[\w.:/+=-]{1,100}$/;
const SCIM_PLACES = [
  'Users',
  'Groups',
  'ServiceProviderConfig',
  'ResourceTypes',
  'Schemas',
  'Roles',
  'Entitlements',
  'Bulk',
  'Me',
  '.search',
];
const OWN_PLACES = new Set(['', 'healthz', 'readyz', 'metrics']);

/**
 * The route of a path, for metrics and the log: a small fixed set of values, without ids. Whatever is unknown is
 * `other`, so that nobody can make us keep a time series for each guess.
 */
export function routeOf(path: string): { readonly route: string; readonly source?: string } {
  const [first = '', ...rest] = path.split('/').slice(1);
  if (first !== 'scim') return { route: rest.length === 0 && OWN_PLACES.has(first) ? `/${first}` : 'other' };
  const [source, after] = rest[0] === 'v2' ? [undefined, rest.slice(1)] : [rest[0], rest.slice(2)];
  const place = SCIM_PLACES.find((name) => name.toLowerCase() === after[0]?.toLowerCase());
  const route = place === undefined ? '/scim/other' : `/scim/${place}${after.length > 1 ? '/:id' : ''}`;
  return source === undefined ? { route } : { route, source };
}

/**
 * Gives each request an id (the client's own `x-request-id` if it is usable), counts it, and logs it: what changed
 * something or was refused at `info`, the rest at `debug`. Queries hold personal data: neither they nor ids in paths
 * are logged. `known` says whether a source is one of ours: others share one label.
 */
export function observeRequests(log: Log, metrics: Metrics, known: (source: string) => boolean): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const started = performance.now();
    const given = request.headers['x-request-id'];
    const id = typeof given === 'string' && USABLE_ID.test(given) ? given : randomUUID();
    const { method, path } = request;
    response.setHeader('x-request-id', id);
    response.on('close', () => {
      const ms = performance.now() - started;
      const { route, source } = routeOf(path);
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.http({ method: METHODS.has(method) ? method : 'other', route, status }, ms / 1000);
      const from = source === undefined ? '-' : known(source) ? source : 'unknown';
      if (route.startsWith('/scim/')) metrics.scim(from, status);
      const changing = method !== 'GET' && method !== 'HEAD';
      const level =
        status >= 500 ? 'warn' : (changing && route.startsWith('/scim/')) || status >= 400 ? 'info' : 'debug';
      log[level]({ request: id, method, route, source: from, status, ms: Math.round(ms * 10) / 10 }, 'request');
    });
    next();
  };
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
