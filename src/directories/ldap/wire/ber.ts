/**
 * As much of BER (X.690) as LDAP uses (RFC 4511 5.1): definite lengths, tags of one byte. Reading checks every length
 * against what is there, so that bytes from the wire can neither make it loop nor read past their message.
 */

/** The bytes are no LDAP. `message` says what was expected and what came, never the bytes of a value. */
export class BerError extends Error {
  override readonly name = 'BerError';
}

export const TAG = { boolean: 0x01, integer: 0x02, octets: 0x04, enumerated: 0x0a, sequence: 0x30, set: 0x31 } as const;

const hex = (tag: number): string => `0x${tag.toString(16).padStart(2, '0')}`;

/** Reads one element after the other out of a buffer. Values are views of it, not copies. */
export class BerReader {
  readonly buffer: Buffer;
  position: number;
  readonly end: number;

  constructor(buffer: Buffer, position = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** The next tag, without going on; undefined at the end. */
  peek(): number | undefined {
    return this.done ? undefined : this.buffer[this.position];
  }

  /** Goes into the next element, which must have this tag: gives a reader of what is in it, and goes on behind it. */
  enter(tag: number, what: string): BerReader {
    const end = this.#open(tag, what);
    const inner = new BerReader(this.buffer, this.position, end);
    this.position = end;
    return inner;
  }

  octets(what: string, tag: number = TAG.octets): Buffer {
    const end = this.#open(tag, what);
    const value = this.buffer.subarray(this.position, end);
    this.position = end;
    return value;
  }

  text(what: string, tag: number = TAG.octets): string {
    const end = this.#open(tag, what);
    const value = this.buffer.toString('utf8', this.position, end);
    this.position = end;
    return value;
  }

  /** A whole number of at most four bytes: all that LDAP has. */
  integer(what: string, tag: number = TAG.integer): number {
    const end = this.#open(tag, what);
    const length = end - this.position;
    if (length < 1 || length > 4) throw new BerError(`${what} is a number of ${length} bytes`);
    const value = this.buffer.readIntBE(this.position, length);
    this.position = end;
    return value;
  }

  boolean(what: string, tag: number = TAG.boolean): boolean {
    const value = this.octets(what, tag);
    if (value.length !== 1) throw new BerError(`${what} is a truth value of ${value.length} bytes`);
    return value[0] !== 0;
  }

  /** Goes on behind the next element, whatever it is. */
  skip(what: string): void {
    const tag = this.peek();
    if (tag === undefined) throw new BerError(`${what} is missing`);
    this.position = this.#open(tag, what);
  }

  /** Reads tag and length, stops before the content, and gives where that ends. */
  #open(tag: number, what: string): number {
    const { buffer, end } = this;
    let at = this.position;
    const found = at < end ? buffer[at++] : undefined;
    if (found !== tag) {
      throw new BerError(
        `${what} should have the tag ${hex(tag)}, ${found === undefined ? 'and is missing' : `not ${hex(found)}`}`,
      );
    }
    if (at >= end) throw new BerError(`${what} has no length`);
    let length = buffer[at++] as number;
    if (length > 0x7f) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw new BerError(`${what} has a length of ${count === 0 ? 'no' : count} bytes`);
      if (at + count > end) throw new BerError(`${what} ends within its length`);
      length = buffer.readUIntBE(at, count);
      at += count;
    }
    if (length > end - at) throw new BerError(`${what} says ${length} bytes, and ${end - at} are left`);
    this.position = at;
    return at + length;
  }
}

/** One element: tag, length, content. */
export function element(tag: number, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...content]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

export const sequence = (...content: readonly Buffer[]): Buffer => element(TAG.sequence, ...content);

export const octets = (value: string | Buffer, tag: number = TAG.octets): Buffer =>
  element(tag, typeof value === 'string' ? Buffer.from(value) : value);

/** A whole number within 32 bits. */
export function integer(value: number, tag: number = TAG.integer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  let from = 0;
  // As few bytes as hold it: the first nine bits are never all alike.
  while (
    from < 3 &&
    (bytes[from] === 0x00 || bytes[from] === 0xff) &&
    bytes[from] === ((bytes[from + 1] as number) & 0x80 ? 0xff : 0x00)
  )
    from++;
  return element(tag, bytes.subarray(from));
}

export const boolean = (value: boolean, tag: number = TAG.boolean): Buffer =>
  element(tag, Buffer.from([value ? 0xff : 0x00]));
