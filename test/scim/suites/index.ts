import { microsoft } from './microsoft.ts';
import { microsoftValidation } from './microsoft-validation.ts';
import { oktaCrud } from './okta-crud.ts';
import { oktaSpec } from './okta-spec.ts';
import { scim2Tester } from './scim2-tester.ts';
import type { Suite } from './suite.ts';

export const SUITES: readonly Suite[] = [microsoft, microsoftValidation, oktaSpec, oktaCrud, scim2Tester];
