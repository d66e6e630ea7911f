import { BerError } from './ber.ts';

/** Tag, and a length of at most five bytes. */
const LONGEST_HEAD = 6;

/**
 * Cuts a stream of bytes into LDAP messages, however it comes in pieces. Holds no more than the message that has begun;
 * one that says it is longer than `limit` bytes is refused before it is taken in.
 */
export class Frames {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #held = 0;
  /** How many bytes must be there before it is worth looking again. */
  #wanted = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of a message that has begun and not ended. */
  get pending(): number {
    return this.#held;
  }

  /** The messages that end in this piece, whole, with their head. Throws BerError: the stream can't be read on then. */
  push(piece: Buffer): Buffer[] {
    let bytes = piece;
    if (this.#held > 0) {
      this.#parts.push(piece);
      this.#held += piece.length;
      if (this.#held < this.#wanted) return [];
      bytes = Buffer.concat(this.#parts, this.#held);
      this.#parts = [];
      this.#held = 0;
    }
    const messages: Buffer[] = [];
    let at = 0;
    for (;;) {
      const length = this.#lengthAt(bytes, at);
      if (length === undefined || at + length > bytes.length) {
        if (at < bytes.length) this.#keep(bytes.subarray(at), length);
        return messages;
      }
      messages.push(bytes.subarray(at, at + length));
      at += length;
    }
  }

  #keep(rest: Buffer, length: number | undefined): void {
    this.#parts = [rest];
    this.#held = rest.length;
    this.#wanted = length ?? rest.length + 1;
  }

  /** Of the message at `at`, with its head; undefined while the head is not all there. */
  #lengthAt(bytes: Buffer, at: number): number | undefined {
    if (at >= bytes.length) return undefined;
    if (bytes[at] !== 0x30)
      throw new BerError(`a message begins with ${printable(bytes[at] as number)}: this is no LDAP`);
    const first = bytes[at + 1];
    if (first === undefined) return undefined;
    if (first < 0x80) return 2 + first;
    const count = first & 0x7f;
    if (count === 0 || count > LONGEST_HEAD - 2)
      throw new BerError(`a message has a length of ${count} bytes: this is no LDAP`);
    if (at + 2 + count > bytes.length) return undefined;
    const length = 2 + count + bytes.readUIntBE(at + 2, count);
    if (length > this.#limit) throw new BerError(`a message says it has ${length} bytes; the limit is ${this.#limit}`);
    return length;
  }
}

const printable = (byte: number): string =>
  byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
