/** Types that a declared attribute may have in rules. */
export type AttributeType = 'string' | 'int' | 'double' | 'bool' | 'timestamp' | 'list<string>';

/**
 * An attribute that rules may use as `user.<name>`. Rules are type-checked against these declarations:
 * a name that no source declares is an error at load, not an empty value at run time.
 */
export interface AttributeDeclaration {
  readonly name: string;
  readonly type: AttributeType;
  readonly about: string;
  /** Ids of the sources that tell it; without them any may. */
  readonly sources?: readonly string[];
  /** A record covers it only where it says so itself: by having it, be it as null. Else every record of its source does. */
  readonly onlySaid?: boolean;
  /** Ids of the sources that may decide it, strongest first; without them all, in the order of the person's records. */
  readonly precedence?: readonly string[];
}

/** Attributes of SCIM core User and EnterpriseUser (RFC 7643 4.1, 4.3) in the short names that rules use. */
export const CORE_ATTRIBUTES: readonly AttributeDeclaration[] = [
  { name: 'userName', type: 'string', about: 'sign-in name at the source' },
  { name: 'displayName', type: 'string', about: 'name for people to read' },
  { name: 'email', type: 'string', about: 'the primary e-mail address' },
  { name: 'emails', type: 'list<string>', about: 'all e-mail addresses' },
  { name: 'externalId', type: 'string', about: 'id given by the provisioning client' },
  { name: 'givenName', type: 'string', about: 'name.givenName' },
  { name: 'familyName', type: 'string', about: 'name.familyName' },
  { name: 'middleName', type: 'string', about: 'name.middleName' },
  { name: 'nickName', type: 'string', about: 'casual name' },
  { name: 'profileUrl', type: 'string', about: 'link to an online profile' },
  { name: 'title', type: 'string', about: 'job title' },
  { name: 'userType', type: 'string', about: 'relation to the organisation, such as Employee' },
  { name: 'preferredLanguage', type: 'string', about: 'language tag' },
  { name: 'locale', type: 'string', about: 'locale tag' },
  { name: 'timezone', type: 'string', about: 'IANA time zone' },
  { name: 'active', type: 'bool', about: 'as the source states it' },
  { name: 'roles', type: 'list<string>', about: 'values of roles' },
  { name: 'entitlements', type: 'list<string>', about: 'values of entitlements' },
  { name: 'employeeNumber', type: 'string', about: 'enterprise: number given by the organisation' },
  { name: 'costCenter', type: 'string', about: 'enterprise: cost centre' },
  { name: 'organization', type: 'string', about: 'enterprise: organisation' },
  { name: 'division', type: 'string', about: 'enterprise: division' },
  { name: 'department', type: 'string', about: 'enterprise: department' },
  { name: 'manager', type: 'string', about: "enterprise: the manager's id at the source" },
];

/**
 * Attributes that people can usually change themselves, by kind of source; `selfEditable` of a source says otherwise.
 * scim: what Okta lets people edit in their own profile by default, and what Entra ID and others call personal
 * settings. `emails` is in it for the secondary address; the primary one is not.
 */
export const SELF_EDITABLE: Readonly<Record<string, readonly string[]>> = {
  scim: [
    'displayName',
    'emails',
    'givenName',
    'familyName',
    'middleName',
    'nickName',
    'profileUrl',
    'preferredLanguage',
    'locale',
    'timezone',
  ],
};
