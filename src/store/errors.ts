/** The store can't be reached, or not now: try again later. HTTP answers 503. Holds no password and no statement. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  /** What an operator can do. */
  readonly remedy: string;
  /** SQLSTATE or the system's error code. */
  readonly code: string | undefined;
  constructor(message: string, options: { remedy: string; code?: string | undefined; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.remedy = options.remedy;
    this.code = options.code;
  }
}

/** The store is there and must not be used as it stands: trying again does not help before `remedy` is done. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
  readonly remedy: string;
  constructor(message: string, options: { remedy: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.remedy = options.remedy;
  }
}
