import { complex, reference, type Schema, text } from './types.ts';

export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** Core Group (RFC 7643 4.2). Members are users or groups; all but their id is filled in by the server. */
export const groupSchema: Schema = {
  id: GROUP_SCHEMA,
  name: 'Group',
  description: 'A group of users and groups',
  attributes: [
    text('displayName', 'The name for people to read.', { required: true }),
    complex(
      'members',
      'Users and groups in the group.',
      [
        text('value', "The member's id.", { mutability: 'immutable', caseExact: true }),
        reference('$ref', ['User', 'Group'], "The member's address.", { mutability: 'immutable' }),
        text('type', 'What the member is.', { mutability: 'immutable', canonicalValues: ['User', 'Group'] }),
        text('display', "The member's name.", { mutability: 'readOnly' }),
      ],
      { multiValued: true },
    ),
  ],
};
