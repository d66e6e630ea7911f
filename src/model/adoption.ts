/**
 * What speaks for an account that is not ours being a person's, the strongest first: an e-mail address of theirs in a
 * domain where nobody else can have one, another e-mail address of theirs, the wanted login alone.
 */
export type AdoptionEvidence = 'verified-email' | 'email' | 'login';

/** An operator's word: it is theirs, or it is not to be touched. */
export type AdoptionWord = 'adopt' | 'leave';

/** `auto`: what a verified e-mail address speaks for is adopted without a word, the rest waits for one. */
export type AdoptionMode = 'ask' | 'auto' | 'never';

const SAID: Readonly<Record<AdoptionEvidence, string>> = {
  'verified-email': 'verified e-mail address',
  email: 'e-mail address',
  login: 'login',
};

/** The message of a finding about an account that may be adopted; `evidenceIn` reads it back. */
export const adoptionMessage = (evidence: AdoptionEvidence, login: string): string =>
  `by its ${SAID[evidence]} the account ${login}, which is not ours, is this person's; it waits for a word`;

/** Undefined for the message of something else. */
export function evidenceIn(message: string): AdoptionEvidence | undefined {
  const said = /^by its (.*?) the account /.exec(message)?.[1];
  return (Object.keys(SAID) as AdoptionEvidence[]).find((evidence) => SAID[evidence] === said);
}
