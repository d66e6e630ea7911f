import * as z from 'zod';
import type { TargetSettings } from '../../model/settings.ts';
import type { Capabilities } from '../../model/target.ts';
import type { Target, TargetContext, TargetKind } from '../target.ts';
import { observedOf } from './accounts.ts';
import { openApi } from './api.ts';
import { applyChange } from './apply.ts';
import { checkAccess } from './check.ts';
import { attachmentsOf, findUser, observeAll, roleOf } from './find.ts';
import { isLoopback, optionsSchema } from './options.ts';
import { pacer } from './pace.ts';
import { decodeSecret, signer } from './signing.ts';
import { openWire } from './wire.ts';

const can: Capabilities = {
  block: true,
  roles: true,
  createRoles: true,
  aliases: false,
  endSessions: false,
  mark: true,
  // And an e-mail address, which is the login here.
  requires: ['firstName', 'lastName'],
};

/** Opens a StrongDM target. `now` is the clock that signatures are dated by. */
export function openStrongDm(
  settings: TargetSettings,
  context: TargetContext,
  now: () => Date = () => new Date(),
): Target {
  const options = optionsSchema.parse(settings.options);
  const { host } = options;
  const wire = openWire({
    host,
    plainText: options.insecure ?? isLoopback(host),
    ...(options.caFile === undefined ? {} : { ca: options.caFile }),
    accessKey: options.accessKey,
    sign: signer(decodeSecret(options.secretKey)),
    timeoutMs: options.timeout,
    now,
  });
  const api = openApi({ wire, pace: pacer(), host, pageSize: options.pageSize, now });
  const { instance } = context;
  return {
    id: settings.id,
    can,
    check: (signal) => checkAccess({ wire, host, now }, signal),
    observe: (signal) => observeAll(api, instance, signal),
    async *roles(signal) {
      for await (const role of api.roles('', signal, 'wait')) yield roleOf(role);
    },
    async observeOne(ref, signal) {
      const user = await findUser(api, instance, ref, signal);
      if (user === undefined) return undefined;
      return observedOf(user, (await attachmentsOf(api, user.id, signal)).keys(), instance);
    },
    apply: async (ref, change, signal) => applyChange({ api, instance, ref, change, signal }),
    close: async () => wire.close(),
  };
}

export const strongdm: TargetKind = {
  type: 'strongdm',
  about: 'StrongDM: users, their roles, suspension',
  can,
  profile: {
    // The login is the e-mail address; a userName stands in for it only when it is one.
    login: 'has(user.email) || !user.userName.contains("@") ? user.email : user.userName',
    // Both names are required: who has only a display name gets its first and its last word.
    firstName: String.raw`has(user.givenName) ? user.givenName : user.displayName.reCapture("^\\s*(\\S+)")`,
    lastName: String.raw`has(user.familyName) ? user.familyName : user.displayName.reCapture("(\\S+)\\s*$")`,
    displayName: 'has(user.displayName) ? user.displayName : user.givenName + " " + user.familyName',
  },
  open: (settings, context) => openStrongDm(settings, context),
  optionsSchema: z.toJSONSchema(optionsSchema, { io: 'input' }),
};
