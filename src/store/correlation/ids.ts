import { randomBytes } from 'node:crypto';

/** 16 random bytes in 22 characters: derived from nothing about the person. */
export const newPersonId = (): string => `p_${randomBytes(16).toString('base64url')}`;
export const newCaseId = (): string => `c_${randomBytes(9).toString('base64url')}`;
