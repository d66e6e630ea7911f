import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { StatusSchema } from '../proto/status_pb.gen.ts';
import { Code } from '../wire.ts';

/** A call that is answered with a status other than OK. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;
  readonly details: readonly Any[];
  constructor(code: number, message: string, details: readonly Any[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** What goes into the trailer `grpc-status-details-bin`. */
export const statusBytes = (refusal: Refusal): Uint8Array =>
  toBinary(
    StatusSchema,
    create(StatusSchema, { code: refusal.code, message: refusal.message, details: [...refusal.details] }),
  );

/** The type URL is the one that the vendor's SDKs compare with: `type.googleapis.com/` and the message's name. */
export const detail = <D extends DescMessage>(schema: D, message: MessageShape<D>): Any => anyPack(schema, message);

export const invalid = (message: string): Refusal => new Refusal(Code.INVALID_ARGUMENT, message);
export const notFound = (message: string): Refusal => new Refusal(Code.NOT_FOUND, message);
export const taken = (message: string): Refusal => new Refusal(Code.ALREADY_EXISTS, message);
export const denied = (message = 'permission denied: access denied'): Refusal =>
  new Refusal(Code.PERMISSION_DENIED, message);
export const unimplemented = (message: string): Refusal => new Refusal(Code.UNIMPLEMENTED, message);
