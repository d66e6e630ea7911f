/** Detail keywords of RFC 7644 table 9 and RFC 9865 2 that this endpoint uses. */
export type ScimErrorType =
  | 'invalidFilter'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidCursor'
  | 'expiredCursor'
  | 'invalidCount';

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** A refusal as RFC 7644 3.12 wants it. `message` is read by an administrator: it says what is wrong and where. */
export class ScimError extends Error {
  override readonly name = 'ScimError';
  readonly status: number;
  readonly scimType: ScimErrorType | undefined;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    message: string,
    options: { scimType?: ScimErrorType; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.scimType = options.scimType;
    this.headers = options.headers ?? {};
  }
}

/** 400 with a keyword: by far the most frequent refusal. */
export const badRequest = (scimType: ScimErrorType, message: string): ScimError =>
  new ScimError(400, message, { scimType });

export const notFound = (what: string, id: string): ScimError =>
  new ScimError(404, `${what} ${shorten(id)} is not here: it was never made for this source, or it was deleted.`);

/** The body of an error response; `status` is a string in SCIM. */
export function errorBody(error: ScimError): Record<string, unknown> {
  return {
    schemas: [ERROR_SCHEMA],
    status: String(error.status),
    ...(error.scimType === undefined ? {} : { scimType: error.scimType }),
    detail: error.message,
  };
}

/** Quotes what a client sent, cut to a length that fits an error message. */
export function shorten(text: string, length = 60): string {
  const cut = text.length > length ? `${text.slice(0, length)}…` : text;
  return JSON.stringify(cut);
}
