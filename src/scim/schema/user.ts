import { binary, complex, flag, plural, reference, type Schema, text } from './types.ts';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const ENTERPRISE_SCHEMA = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

const readOnly = { mutability: 'readOnly' } as const;

/** Core User (RFC 7643 4.1). */
export const userSchema: Schema = {
  id: USER_SCHEMA,
  name: 'User',
  description: 'User Account',
  attributes: [
    text('userName', 'Sign-in name, unique within the source whatever its case.', {
      required: true,
      uniqueness: 'server',
    }),
    complex('name', "The parts of the person's name.", [
      text('formatted', 'The whole name.'),
      text('familyName', 'Family name.'),
      text('givenName', 'Given name.'),
      text('middleName', 'Middle names.'),
      text('honorificPrefix', 'Title before the name.'),
      text('honorificSuffix', 'Suffix after the name.'),
    ]),
    text('displayName', 'The name for people to read.'),
    text('nickName', 'Casual name.'),
    reference('profileUrl', ['external'], 'Link to an online profile.'),
    text('title', 'Job title.'),
    text('userType', 'Relation to the organisation, such as Employee.'),
    text('preferredLanguage', 'Preferred language, as in Accept-Language.'),
    text('locale', 'Locale for dates and numbers.'),
    text('timezone', 'Time zone by its IANA name.'),
    flag('active', 'Whether the person may sign in anywhere.'),
    text('password', 'Accepted and dropped: this service keeps no passwords.', {
      mutability: 'writeOnly',
      returned: 'never',
    }),
    plural('emails', 'E-mail addresses.', text('value', 'The address.'), ['work', 'home', 'other']),
    plural('phoneNumbers', 'Telephone numbers, kept as sent.', text('value', 'The number.'), [
      'work',
      'home',
      'mobile',
      'fax',
      'pager',
      'other',
    ]),
    plural('ims', 'Instant messaging addresses.', text('value', 'The address.')),
    plural('photos', 'Links to photos.', reference('value', ['external'], 'The link.'), ['photo', 'thumbnail']),
    complex(
      'addresses',
      'Postal addresses.',
      [
        text('formatted', 'The whole address.'),
        text('streetAddress', 'Street, number and the like.'),
        text('locality', 'City.'),
        text('region', 'State or region.'),
        text('postalCode', 'Postal code.'),
        text('country', 'Country, by ISO 3166-1 alpha-2.'),
        text('type', 'A label for the function of the address.', { canonicalValues: ['work', 'home', 'other'] }),
        flag('primary', 'Marks the preferred address; at most one has it.'),
      ],
      { multiValued: true },
    ),
    complex(
      'groups',
      'Groups that hold the person directly. Changed by the groups only.',
      [
        text('value', "The group's id.", { ...readOnly, caseExact: true }),
        reference('$ref', ['Group'], "The group's address.", readOnly),
        text('display', "The group's displayName.", readOnly),
        text('type', 'How the person belongs to the group.', { ...readOnly, canonicalValues: ['direct'] }),
      ],
      { multiValued: true, ...readOnly },
    ),
    plural('entitlements', 'Things the person is entitled to.', text('value', 'The entitlement.')),
    plural('roles', 'Roles of the person.', text('value', 'The role.')),
    plural('x509Certificates', 'Certificates of the person.', binary('value', 'A DER certificate in base64.')),
  ],
};

/** Enterprise User (RFC 7643 4.3). */
export const enterpriseSchema: Schema = {
  id: ENTERPRISE_SCHEMA,
  name: 'EnterpriseUser',
  description: 'What an organisation says of the person',
  attributes: [
    text('employeeNumber', 'Number given by the organisation.'),
    text('costCenter', 'Cost centre.'),
    text('organization', 'Organisation.'),
    text('division', 'Division.'),
    text('department', 'Department.'),
    complex('manager', "The person's manager.", [
      text('value', "The manager's id.", { caseExact: true }),
      reference('$ref', ['User'], "The manager's address."),
      text('displayName', "The manager's name.", readOnly),
    ]),
  ],
};
