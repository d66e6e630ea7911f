/** What a request may cost. */
export interface Limits {
  /** Bytes of a request body. */
  readonly bodyBytes: number;
  /** The same for groups, which come with all their members in a PUT. */
  readonly groupBodyBytes: number;
  /** Resources in a page when the client names no count. */
  readonly pageSize: number;
  /** Resources in a page whatever the client names. */
  readonly maxPageSize: number;
  /** Seconds for which a cursor can be used. */
  readonly cursorSeconds: number;
  /** Operations and bytes of a bulk request. */
  readonly bulkOperations: number;
  readonly bulkBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  bodyBytes: 1024 * 1024,
  groupBodyBytes: 10 * 1024 * 1024,
  pageSize: 100,
  maxPageSize: 1000,
  cursorSeconds: 3600,
  bulkOperations: 1000,
  bulkBytes: 10 * 1024 * 1024,
};
