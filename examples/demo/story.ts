/** The demo's story as data: which recorded exchanges arrive when, and what StrongDM must show afterwards. */

/** Every `{{run}}` of the recorded traffic becomes this, so that the rules can name the groups. */
export const RUN = 'demo';

export interface Traffic {
  readonly source: 'entra' | 'okta';
  readonly fixture: string;
  /** From the first exchange to this one, or exactly these. */
  readonly until?: string;
  readonly only?: readonly string[];
  readonly except?: readonly string[];
}

export const JOINERS: readonly Traffic[] = [
  { source: 'entra', fixture: 'entra-users', until: 'entra-u-47' },
  { source: 'entra', fixture: 'entra-groups', until: 'entra-g-12' },
  { source: 'okta', fixture: 'okta-users', until: 'okta-u-26', except: ['okta-u-18', 'okta-u-19', 'okta-u-21'] },
  { source: 'okta', fixture: 'okta-groups', until: 'okta-g-07' },
];

export interface Chapter {
  readonly title: string;
  readonly about: string;
  readonly traffic: Traffic;
  /** What changes in the expected state. */
  readonly expect: Readonly<Record<string, Expected>>;
  /** So many changes, of this role, wait for an approval; `expect` is what comes of it. */
  readonly held?: { readonly changes: number; readonly role: string };
}

export interface Expected {
  readonly active: boolean;
  readonly roles: readonly string[];
}

const all = (logins: readonly string[], roles: readonly string[]): Record<string, Expected> =>
  Object.fromEntries(logins.map((login) => [login, { active: true, roles }]));

/** After the first plan is applied. Nobody else of the 13 users that Entra and the 11 that Okta sent gets an account. */
export const AFTER_JOINERS: Readonly<Record<string, Expected>> = {
  ...all(
    [1, 2, 3, 4, 5, 6].map((n) => `demo.m${n}@contoso.example`),
    ['prod-admin'],
  ),
  ...all(['demo.six@contoso.example'], ['auditor']),
  ...all(
    [4, 5, 6].map((n) => `gm-${n}.demo@okta.example`),
    ['dba'],
  ),
  ...all(['demo.una@okta.example', 'demo.vera@okta.example', 'demo.wil@okta.example'], ['read-only']),
};

export const CHAPTERS: readonly Chapter[] = [
  {
    title: 'A person is deactivated',
    about: 'Okta sends active=false for una: she is suspended. Sign-in is blocked, everything else is kept.',
    traffic: { source: 'okta', fixture: 'okta-users', only: ['okta-u-18'] },
    expect: { 'demo.una@okta.example': { active: false, roles: ['read-only'] } },
  },
  {
    title: 'She comes back',
    about: 'Okta sends active=true: the block, which was ours, is lifted.',
    traffic: { source: 'okta', fixture: 'okta-users', only: ['okta-u-19'] },
    expect: { 'demo.una@okta.example': { active: true, roles: ['read-only'] } },
  },
  {
    title: 'A membership is taken away',
    about: 'Entra ID removes m6 from the group in its own irregular form, a remove with a value: only the role goes.',
    traffic: { source: 'entra', fixture: 'entra-groups', only: ['entra-g-13'] },
    expect: { 'demo.m6@contoso.example': { active: true, roles: [] } },
  },
  {
    title: 'A group is emptied at one stroke',
    about: 'Okta pushes an empty list of members. That is too much to be done without a word: the guard holds it.',
    traffic: { source: 'okta', fixture: 'okta-groups', only: ['okta-g-10'] },
    expect: all(
      [4, 5, 6].map((n) => `gm-${n}.demo@okta.example`),
      [],
    ),
    held: { changes: 3, role: 'dba' },
  },
  {
    title: 'A person is deleted',
    about: 'Entra ID deletes alice: a leaver. She is blocked at once, and every role goes.',
    traffic: { source: 'entra', fixture: 'entra-users', only: ['entra-u-48'] },
    expect: { 'demo.six@contoso.example': { active: false, roles: [] } },
  },
];
