import type { ValueFunction } from './function.ts';

/** Letters that Unicode does not decompose, as passports spell them (ICAO 9303 part 3, section 6). */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  Æ: 'AE',
  œ: 'oe',
  Œ: 'OE',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ð: 'd',
  Ð: 'D',
  þ: 'th',
  Þ: 'TH',
  ı: 'i',
};

export const stripDiacritics: ValueFunction = {
  name: 'stripDiacritics',
  signature: 'string.stripDiacritics(): string',
  about: 'Latin letters without their marks: é becomes e, ß becomes ss, ø becomes o.',
  examples: [
    { expression: '"Zoë Müller".stripDiacritics()', gives: 'Zoe Muller' },
    { expression: '"Łukasz Strauß".stripDiacritics()', gives: 'Lukasz Strauss' },
    { expression: '"Иван".stripDiacritics()', gives: 'Иван' },
  ],
  call: (text: string) =>
    text
      .normalize('NFD')
      .replace(/\p{Script=Latin}\p{Mn}+/gu, (c) => c.replace(/\p{Mn}/gu, ''))
      .replace(/[ßæÆœŒøØłŁđĐðÐþÞı]/g, (c) => LETTERS[c] ?? c)
      .normalize('NFC'),
};
