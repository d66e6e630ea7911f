import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import type { TargetSettings } from '../../src/model/settings.ts';
import { AccountSchema, Accounts, Roles } from '../../src/targets/strongdm/proto/sdm_pb.gen.ts';
import type { User } from '../../src/targets/strongdm/proto/sdm_pb.gen.ts';
import type { Sim } from '../../src/targets/strongdm/sim/index.ts';
import { decodeSecret, signer } from '../../src/targets/strongdm/signing.ts';
import type { Wire } from '../../src/targets/strongdm/wire.ts';
import { openWire } from '../../src/targets/strongdm/wire.ts';

export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Settings of a target at a simulator. */
export function settingsFor(sim: Pick<Sim, 'host' | 'port'> & Keys, options: object = {}): TargetSettings {
  const { host, port, accessKey, secretKey } = sim;
  return {
    id: 'strongdm',
    type: 'strongdm',
    mode: 'full',
    simulator: false,
    baseline: 'auto',
    adopt: 'ask',
    createRoles: true,
    profile: {},
    options: { host: `${host}:${port}`, accessKey, secretKey, timeout: '10s', ...options },
  };
}

/** A bare connection to a simulator, with its own key or another one. */
export function wireTo(sim: Pick<Sim, 'host' | 'port'> & Keys, keys: Keys = sim, now = () => new Date()): Wire {
  return openWire({
    host: `${sim.host}:${sim.port}`,
    plainText: true,
    accessKey: keys.accessKey,
    sign: signer(decodeSecret(keys.secretKey)),
    timeoutMs: 10_000,
    now,
  });
}

/** One call over a connection of its own. */
export async function callOnce<I extends DescMessage, O extends DescMessage>(
  sim: Sim,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const wire = wireTo(sim);
  try {
    return await wire.call(method, request, AbortSignal.timeout(10_000));
  } finally {
    wire.close();
  }
}

export async function addRole(sim: Sim, name: string): Promise<string> {
  return (await callOnce(sim, Roles.method.create, { role: { name } })).role?.id ?? '';
}

let serial = 0;

/** A user as another hand, or the service itself, would have left it. Gives its id. */
export function putUser(
  sim: Sim,
  user: Partial<Omit<User, '$typeName' | '$unknown'>> & { readonly email: string },
): string {
  serial += 1;
  const id = user.id ?? `a-${serial.toString(16).padStart(16, '0')}`;
  const value = { firstName: 'Other', lastName: 'Hand', permissionLevelRW: 'user', ...user, id };
  sim.putAccount(create(AccountSchema, { account: { case: 'user', value } }));
  return id;
}

/** A new API key with these permissions only. */
export async function keyWith(sim: Sim, permissions: readonly string[]): Promise<Keys> {
  const value = { name: `key ${permissions.join(' ')}`, accountType: 'api', permissions: [...permissions] };
  const { accessKey, secretKey } = await callOnce(sim, Accounts.method.create, {
    account: { account: { case: 'token', value } },
  });
  return { accessKey, secretKey };
}
